"""One self-contained HTML page of an inspection: no file, script or font from elsewhere."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from oda_bringup.inspection.figures import COLUMNS, per_connector, row, sentence
from oda_bringup.inspection.series import MOST_EPISODES, page_data
from oda_bringup.inspection.subject import Subject
from oda_policy.report_page import STYLE
from oda_teleop.quality import Level

HERE = Path(__file__).parent


def episodes_page(subject: Subject) -> str:
    """The page of bags or of a buffer."""
    episodes = subject.episodes
    data = json.dumps(page_data(episodes), separators=(",", ":")).replace("</", "<\\/")
    worst = max((episode.verdict.level for episode in episodes), default=Level.BAD)
    good = " good" if worst is Level.GOOD else ""
    beyond = len(episodes) - MOST_EPISODES
    note = f" The page draws the first {MOST_EPISODES} of them." if beyond > 0 else ""
    statistics = html_table(COLUMNS, (row(figures) for figures in per_connector(episodes)))
    body = (HERE / "page.html").read_text()
    return whole_page(
        title=f"Inspection of {_name(subject.path)}",
        sub=f"{subject.kind}: {', '.join(subject.sources[:5]) or subject.path}",
        body=f'<p class="verdict{good}">{escape(sentence(episodes) + note)}</p>\n'
        f"<section><h2>Per connector</h2>{statistics}</section>\n{body}\n"
        f'<script id="data" type="application/json">{data}</script>\n'
        f"<script>\n{(HERE / 'page.js').read_text()}</script>",
    )


def whole_page(title: str, sub: str, body: str) -> str:
    """A page with the project's style."""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{STYLE}{(HERE / "page.css").read_text()}</style></head>
<body><main><h1>{escape(title)}</h1>
<p class="sub">{escape(sub)}</p>
{body}
</main></body></html>
"""


def html_table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table with a heading."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    lines = ("".join(f"<td>{escape(str(value))}</td>" for value in line) for line in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<table class="grid"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _name(path: Path) -> str:
    whole = path.resolve()
    return f"{whole.parent.name}/{whole.name}" if whole.name in ("bag", "demos") else whole.name
