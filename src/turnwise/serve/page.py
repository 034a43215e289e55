"""The page at ``/``: one file without outside resources, under a policy that allows exactly its style and script."""

import base64
import hashlib
from importlib.resources import files

HTML = files("turnwise.serve").joinpath("page.html").read_text(encoding="utf-8")


def _source(tag: str) -> str:
    """The Content-Security-Policy hash of the page's one ``<tag>`` element."""
    content = HTML.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_source('style')}; script-src {_source('script')}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
