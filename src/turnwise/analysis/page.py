"""The shell of a self-contained page: one style sheet, no script, nothing fetched from anywhere."""

import base64
import hashlib
from dataclasses import dataclass
from html import escape

_ROWS = 12

STYLE = """
:root{color-scheme:light dark;--ink:#1b2127;--soft:#5c6670;--page:#f6f6f3;--card:#fff;--line:#e2e2dc;
--accent:#0a6fb8;--warn:#c8551b;--good:#0b7f5f;--tint:#eef4f9}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaed;--soft:#9ba5af;--page:#14171a;--card:#1d2125;--line:#32383e;
--accent:#55aef0;--warn:#f0935a;--good:#4fc79f;--tint:#22303c}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Noto Sans","Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main,header,footer{max-width:1080px;margin:0 auto;padding:0 20px}
header{padding-top:44px}
h1{font-size:clamp(1.6rem,1.2rem + 1.8vw,2.3rem);line-height:1.2;letter-spacing:-.02em;margin:0 0 6px;
overflow-wrap:anywhere;text-wrap:balance}
h2{font-size:1.28rem;letter-spacing:-.01em;margin:52px 0 4px;scroll-margin-top:12px}
h3{font-size:1rem;margin:0 0 8px}
p{margin:0 0 14px;max-width:72ch}
.lead{font-size:1.06rem;color:var(--soft)}
.note{color:var(--soft);font-size:.9rem}
nav{margin:18px 0 0;display:flex;flex-wrap:wrap;gap:4px 18px;font-size:.92rem}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:3px}
a:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:4px}
.cards{display:grid;gap:14px;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));margin:24px 0 12px}
.card,figure,.table{background:var(--card);border:1px solid var(--line);border-radius:12px}
.card{padding:16px 18px 14px}
.card b{display:block;font-size:2rem;line-height:1.15;letter-spacing:-.02em;font-weight:650}
.card b small{font-size:1.05rem;font-weight:500;color:var(--soft);letter-spacing:0}
.card .name{font-size:.88rem;color:var(--soft)}
.card .range{font-size:.88rem;color:var(--soft)}
.strip{display:block;width:100%;height:10px;margin:9px 0 5px}
.row{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));margin:16px 0}
.row.top{align-items:start}
figure{margin:0;padding:16px 16px 12px;break-inside:avoid}
figure svg{display:block;width:100%;height:auto;max-width:470px;margin:0 auto}
figcaption{font-size:.88rem;color:var(--soft);margin-top:8px}
figure h3{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 10px}
figure h3 span{font-weight:500;color:var(--soft)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 16px;padding:0;margin:0 0 6px;font-size:.86rem}
.legend li{display:flex;align-items:center;gap:6px;overflow-wrap:anywhere}
.legend svg{flex:none}
.table{overflow-x:auto;margin:14px 0}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th{font-size:.8rem;font-weight:600;color:var(--soft);text-align:left;white-space:nowrap}
th,td{padding:7px 12px;border-bottom:1px solid var(--line);vertical-align:top}
tbody tr:last-child>*{border-bottom:0}
td.n,th.n{text-align:right;white-space:nowrap}
td.text{overflow-wrap:anywhere;min-width:8.5rem}
td:has(.quote){min-width:15rem}
td .share{vertical-align:middle;margin-left:8px}
.label{display:inline-block;background:var(--tint);border-radius:6px;padding:0 7px;font-size:.86rem;
overflow-wrap:anywhere}
.none{background:none;border:1px dashed var(--soft);color:var(--soft)}
details{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:8px 0;overflow:hidden}
summary{cursor:pointer;padding:9px 14px;overflow-wrap:anywhere}
summary:hover{background:var(--tint)}
details[open]>summary{border-bottom:1px solid var(--line)}
details .table{border:0;border-radius:0;margin:0}
details>.row{margin:16px}
details>.note,details>p{margin:10px 14px}
summary .count{float:right;color:var(--soft);padding-left:12px}
ul.quotes{margin:0;padding:10px 16px 12px 34px;font-size:.94rem}
ul.quotes li{overflow-wrap:anywhere;margin:3px 0}
.quote{margin:0;overflow-wrap:anywhere}
.near{margin:4px 0 0;padding:0 0 0 12px;border-left:2px solid var(--line);font-size:.88rem;color:var(--soft);
list-style:none}
.near li{overflow-wrap:anywhere;margin:2px 0}
dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:3px 20px;font-size:.92rem;margin:14px 0}
dl.facts dt{color:var(--soft)}
dl.facts dd{margin:0;overflow-wrap:anywhere}
footer{padding:44px 20px 40px;color:var(--soft);font-size:.86rem}
@media(max-width:560px){body{font-size:15px}main,header,footer{padding-left:14px;padding-right:14px}
header{padding-top:26px}th,td{padding:6px 9px}.card b{font-size:1.7rem}
.cards{grid-template-columns:1fr 1fr;gap:10px}.card{padding:12px 13px}dl.facts{grid-template-columns:1fr}
dl.facts dd{margin-bottom:6px}
td .share{display:none}thead:has(~tbody .quote){display:none}
tr:has(.quote){display:grid;grid-template-columns:1fr 1fr auto;border-bottom:1px solid var(--line);padding:4px 0}
tr:has(.quote)>td{border:0;min-width:0}tr:has(.quote)>td:first-child{grid-column:1/-1}
tr:has(.quote)>td:not(:first-child)::before{content:attr(data-name);display:block;font-size:.75rem;color:var(--soft)}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--page:#fff;--card:#fff;--line:#ccc;--accent:#0a5c9a;
--warn:#b04410;--tint:#eee}body{font-size:10.5pt}nav{display:none}h2,section>.note,.legend{break-after:avoid}
h2{margin-top:28px}
.row{grid-template-columns:repeat(auto-fit,minmax(190px,1fr))}.row.top{display:block}.row.top figure{margin-bottom:12px}
tr,.card,summary{break-inside:avoid}header,main,footer{max-width:none;padding-left:0;padding-right:0}
.table{overflow:visible}}
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a page: ``heading`` and ``lead`` are texts, ``body`` is HTML, ``anchor`` a word."""

    anchor: str
    heading: str
    lead: str
    body: str


def page(title: str, header: str, body: str) -> str:
    """A whole HTML document. ``title`` is escaped here; ``header`` and ``body`` are HTML.

    Its Content-Security-Policy allows this style sheet, by its digest, and nothing else: neither scripts nor
    style attributes nor anything from a network.
    """
    digest = base64.b64encode(hashlib.sha256(STYLE.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n{header}\n</header>\n<main>\n{body}\n</main>\n"
        "<footer>Written by turnwise. This page is whole in itself: it runs no script and fetches nothing.</footer>\n"
        "</body>\n</html>\n"
    )


def table(head: list[tuple[str, bool]], rows: list[list[str]]) -> str:
    """A table; ``head`` holds each column's heading and whether it is a number, ``rows`` cells of HTML."""
    kinds = [f'class="{"n" if number else "text"}" data-name="{escape(name)}"' for name, number in head]
    heads = "".join(f'<th class="{"n" if number else "text"}">{escape(name)}</th>' for name, number in head)
    lines = (
        "<tr>" + "".join(f"<td {kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="table"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def long_table(head: list[tuple[str, bool]], rows: list[list[str]], rest: str) -> str:
    """A table whose later rows are to be opened; ``rest`` names what they are, in the plural."""
    if len(rows) <= _ROWS + 3:
        return table(head, rows)
    return table(head, rows[:_ROWS]) + fold(escape(f"The other {len(rows) - _ROWS} {rest}"), table(head, rows[_ROWS:]))


def figure(title: str, chart: str, caption: str, *, aside: str = "") -> str:
    """A chart (HTML) with its title and caption (texts)."""
    extra = f"<span>{escape(aside)}</span>" if aside else ""
    return f"<figure><h3>{escape(title)} {extra}</h3>{chart}<figcaption>{escape(caption)}</figcaption></figure>"


def fold(summary: str, inside: str, *, count: str = "") -> str:
    """Something to open; ``summary`` and ``inside`` are HTML."""
    number = f'<span class="count">{escape(count)}</span>' if count else ""
    return f"<details><summary>{number}{summary}</summary>{inside}</details>"


def section(anchor: str, heading: str, lead: str, body: str) -> tuple[str, str]:
    """The link to a section, and the section; ``heading`` and ``lead`` are texts, ``body`` is HTML."""
    intro = f'<p class="note">{escape(lead)}</p>' if lead else ""
    return (
        f'<a href="#{anchor}">{escape(heading)}</a>',
        f'<section><h2 id="{anchor}">{escape(heading)}</h2>{intro}{body}</section>\n',
    )
