# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Boxes and what flows between them, on a terminal and as SVG. A box is (title, lines); between two stands a flow, (title, lines). All
# boxes but the first are cVMs, in one process, on one Intravisor.
from xml.sax.saxutils import escape

STYLE = """
  text { font: 13px sans-serif; fill: #1a1a1a; text-anchor: middle }
  .title { font-weight: bold }
  .small { font-size: 12px; fill: #555 }
  rect, path { fill: none; stroke: #444; stroke-width: 1.3 }
  .cvm { fill: #0072b214; stroke: #0072b2; stroke-width: 2 }
  .process { stroke: #888; stroke-dasharray: 5 4 }
  .flow { stroke: #d55e00; stroke-width: 2; marker-start: url(#head); marker-end: url(#head) }
  #head path { fill: #d55e00; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #eee } .small { fill: #bbb } rect, path { stroke: #aaa } .cvm { fill: #56b4e920; stroke: #56b4e9 }
    .flow { stroke: #e69f00 } #head path { fill: #e69f00; stroke: none }
  }
"""


def text(boxes, flows):
    """From top to bottom: fits any terminal."""
    width = max([len(each) for title, lines in boxes for each in [title, *lines]] + [15 + len(each) for _, lines in flows for each in lines])
    for n, (title, lines) in enumerate(boxes):
        box = ["┌" + "─" * (width + 2) + "┐", *(f"│ {each:{width}} │" for each in [title, *lines]), "└" + "─" * (width + 2) + "┘"]
        if n == 1:
            print("  ╔" + " one process, one Intravisor ".center(width + 6, "═") + "╗")
        for row in box:
            print(f"  ║ {row} ║" if n else f"    {row}")
        if n < len(flows):
            name, about = flows[n]
            for k, arrow in enumerate(["▲", *"║" * max(len(about), 1), "▼"]):
                row = f"   {arrow}  " + (f"{name:12} {about[0]}" if k == 1 else f"{'':12} {about[k - 1]}" if 1 < k <= len(about) else "")
                print(f"  ║ {row:{width + 4}} ║" if n else f"    {row}".rstrip())
    print("  ╚" + "═" * (width + 6) + "╝")


def svg(path, boxes, flows):
    across, height, line = 8, 0, 18
    parts, top = [], 44
    height = 24 + line * max(len(lines) + 1 for _, lines in boxes + flows)
    process = None
    for n, (title, lines) in enumerate(boxes):
        width = 24 + max(8 * len(title), *(7 * len(each) for each in lines))
        if n == 1:
            process = across - 14
        parts.append(f'<rect class="{"cvm" if n else "box"}" x="{across}" y="{top}" width="{width}" height="{height}" rx="6"/>')
        for k, each in enumerate([title, *lines]):
            parts.append(f'<text class="{"small" if k else "title"}" x="{across + width / 2}" y="{top + 26 + k * line}">{escape(each)}</text>')
        across += width
        if n < len(flows):
            name, about = flows[n]
            width = 40 + max(8 * len(name), *(7 * len(each) for each in about))
            y = top + 32
            parts.append(f'<text class="title" x="{across + width / 2}" y="{y - 10}">{escape(name)}</text>')
            parts.append(f'<path class="flow" d="M{across + 9},{y} H{across + width - 9}"/>')
            for k, each in enumerate(about):
                parts.append(f'<text class="small" x="{across + width / 2}" y="{y + 20 + k * line}">{escape(each)}</text>')
            across += width
    if process is not None:
        parts.append(f'<rect class="process" x="{process}" y="14" width="{across + 14 - process}" height="{height + 74}" rx="8"/>')
        parts.append(f'<text class="small" x="{(process + across) / 2}" y="{top + height + 28}">one process, one address space, one Intravisor</text>')
    with open(path, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{across + 24}" height="{height + 100}" '
                   f'viewBox="0 0 {across + 24} {height + 100}">\n<style>{STYLE}</style>\n'
                   '<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5" markerHeight="5" orient="auto-start-reverse">'
                   '<path d="M0,0 L8,4 L0,8 z"/></marker></defs>\n' + "\n".join(parts) + "\n</svg>\n")
