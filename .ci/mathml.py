"""Formulas as MathML, made once at build time: pages show them without network and without JavaScript."""

import re

from latex2mathml.converter import convert

# MathML stretches brackets by itself; the converter would print the name of the bracket after \big.
SIZES = re.compile(r"\\[bB]igg?[lrm]?(?![a-zA-Z])\s*")


def mathml(latex: str, display: bool) -> str:
    """Return LaTeX as a <math> element, a block of its own for `display`.

    Raises ValueError for a command that the converter does not know: it would appear as plain text.
    """
    found = convert(SIZES.sub("", latex), display="block" if display else "inline")
    unknown = re.findall(r"\\[a-zA-Z]+", found)
    if unknown:
        raise ValueError(f"no MathML for {', '.join(unknown)} in {latex!r}: write it with commands of latex2mathml")
    return found
