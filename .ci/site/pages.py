"""What the course's pages need beyond Sphinx and myst-nb: formulas as MathML, alt texts, scopes of table headers."""

import hashlib
import json
import re
from base64 import b64decode
from pathlib import Path

from docutils import nodes
from mathml import mathml


def anchor(heading: str) -> str:
    """Return the anchor that JupyterLab gives a heading, so that the same links work there and here."""
    return heading.replace(" ", "-")


def visit_inline(translator, node):
    """Write an inline formula."""
    translator.body.append(mathml(node.astext(), display=False))
    raise nodes.SkipNode


def visit_block(translator, node):
    """Write a formula on a line of its own, which scrolls on narrow screens."""
    translator.body.append(f'<div class="formula" tabindex="0">{mathml(node.astext(), display=True)}</div>')
    raise nodes.SkipNode


def alternative_texts(notebook: dict) -> dict[str, str]:
    """Return the alt text of every stored picture by the SHA-256 of its bytes, which is how myst-nb names its file."""
    found = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            for mime, about in output.get("metadata", {}).items():
                if mime.startswith("image/") and "alt" in about:
                    found[hashlib.sha256(b64decode("".join(output["data"][mime]))).hexdigest()] = about["alt"]
    return found


def mend(app, doctree):
    """Give pictures their alt texts; fit links and headings inside HTML outputs into the edition."""
    source = Path(app.env.doc2path(app.env.docname))
    if source.suffix != ".ipynb":
        return
    texts = alternative_texts(json.loads(source.read_text(encoding="utf-8")))
    for picture in doctree.findall(nodes.image):
        picture["alt"] = texts.get(Path(picture["uri"]).stem, picture.get("alt", ""))
    for raw in doctree.findall(nodes.raw):
        html = re.sub(r'(href="[\w./-]+)\.ipynb(?=["#])', r"\1.html", raw.astext())
        # A stored report has headings of its own: they come below the section that shows it.
        html = re.sub(r"(?<=<|/)h([1-4])(?=[ >])", lambda found: f"h{int(found[1]) + 2}", html)
        raw.children = [nodes.Text(html)]


def scopes(app, pagename, templatename, context, doctree):
    """Say of every table header that it heads a column; an empty one, in the corner of a table, heads none."""
    if "body" in context:
        body = re.sub(r'<th( class="head[^"]*")>\s*<p></p>\s*</th>', r"<td\1></td>", context["body"])
        context["body"] = re.sub(r'<th(?= class="head)', '<th scope="col"', body)


def setup(app):
    """Register all of it with Sphinx."""
    app.add_html_math_renderer("mathml", inline_renderers=(visit_inline, None), block_renderers=(visit_block, None))
    app.connect("doctree-read", mend)
    app.connect("html-page-context", scopes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
