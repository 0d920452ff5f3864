"""Sphinx's settings for the reading edition; `make site` runs it through .ci/build_site.py."""

import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

project = "Transfer learning you can run"
author = "The tlutils authors"
copyright = "The tlutils authors, CC BY 4.0"
language = "en"

extensions = ["myst_nb", "pages"]
root_doc = "index"
nb_execution_mode = "off"  # what a page shows is what the notebook stored
nb_ipywidgets_js = {}  # no widgets' scripts from another server
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "html_image"]
myst_heading_anchors = 4
myst_heading_slug_func = "pages.anchor"
myst_links_external_new_tab = False

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["course.css"]
html_css_files = ["course.css"]
html_math_renderer = "mathml"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_theme_options = {
    "show_navbar_depth": 1,
    "home_page_in_toc": True,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "use_source_button": False,
}
# A button is for a repository that exists: none is named, none is shown.
if os.environ.get("REPO"):
    html_theme_options |= {
        "repository_url": f"https://github.com/{os.environ['REPO']}",
        "repository_branch": "main",
        "path_to_docs": "notebooks",
        "use_repository_button": True,
        "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    }
