"""Results as text: aligned columns, the first to the left."""


def shown(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        if value == 0 or abs(value) >= 100:
            return f"{value:,.0f}"
        return f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def text(title, header, rows):
    cells = [list(map(str, header))] + [list(map(shown, row)) for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [title, ""]
    for row in cells:
        first = row[0].ljust(widths[0])
        rest = "  ".join(c.rjust(w) for c, w in zip(row[1:], widths[1:]))
        lines.append(f"  {first}  {rest}".rstrip())
    return "\n".join(lines) + "\n"
