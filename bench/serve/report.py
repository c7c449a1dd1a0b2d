"""Medians of runs, ratios between servers, and both as Markdown."""
import statistics
import sys

COLUMNS = [("requests_per_s", "req/s", "{:,.0f}"),
           ("share", "of ceiling", "{:.0%}"),
           ("p50_us", "p50 us", "{:,.0f}"), ("p99_us", "p99 us", "{:,.0f}"),
           ("p999_us", "p99.9 us", "{:,.0f}"),
           ("user_us", "user us/req", "{:.1f}"),
           ("system_us", "sys us/req", "{:.1f}"),
           ("private_kb", "private kB", "{:,.0f}"),
           ("group_kb", "group kB", "{:,.0f}"),
           ("rss_kb", "RSS kB", "{:,.0f}"), ("pss_kb", "PSS kB", "{:,.0f}"),
           ("handles", "handles", "{:.0f}"),
           ("start_ms", "start ms", "{:.0f}")]

# Of Imbrex and another server: heading, how it is computed. More is better for
# the first two, less for the others.
RATIOS = [("req/s", lambda us, them: (us["requests_per_s"],
                                      them["requests_per_s"])),
          ("their CPU / ours", lambda us, them: (cpu_us(them), cpu_us(us))),
          ("p99", lambda us, them: (us["p99_us"], them["p99_us"])),
          ("p99.9", lambda us, them: (us["p999_us"], them["p999_us"])),
          ("private", lambda us, them: (us["private_kb"],
                                        them["private_kb"])),
          ("group", lambda us, them: (us.get("group_kb", 0),
                                      them.get("group_kb", 0)))]


def cpu_us(row):
    return row["user_us"] + row["system_us"]


def medians(runs):
    """One row of several runs; which requests per second they had stays."""
    row = {key: statistics.median(run[key] for run in runs)
           for key, value in runs[0].items() if isinstance(value, (int, float))}
    row["runs"] = [round(run["requests_per_s"]) for run in runs]
    return row


def rows_of(runs):
    """Medians by server, each with its share of the ceiling."""
    rows = {name: medians(done) for name, done in runs.items() if done}
    ceiling = rows.get("ceiling", {}).get("requests_per_s")
    for row in rows.values():
        row["share"] = row["requests_per_s"] / ceiling if ceiling else 0
    return rows


def ratios_of(rows):
    """{server: {heading: ours over theirs}}, without what was not measured."""
    ours = rows.get("imbrex")
    if not ours:
        return {}
    table = {}
    for name, row in rows.items():
        if name in ("imbrex", "ceiling"):
            continue
        table[name] = {}
        for head, pair in RATIOS:
            over, under = pair(ours, row)
            if over and under:
                table[name][head] = over / under
    return table


def _markdown(heads, lines):
    print("| " + " | ".join(heads) + " |")
    print("|---|" + "---:|" * (len(heads) - 1))
    for line in lines:
        print("| " + " | ".join(line) + " |")


def print_table(title, rows):
    print(f"\n### {title}\n")
    # What no server has is no column.
    columns = [column for column in COLUMNS
               if any(row.get(column[0]) for row in rows.values())]
    _markdown(["server"] + [head for _, head, _ in columns],
              [[name] + [form.format(row[key]) if row.get(key) else "-"
                         for key, _, form in columns]
               for name, row in rows.items()])
    sys.stdout.flush()


def print_ratios(rows):
    ratios = ratios_of(rows)
    heads = [head for head, _ in RATIOS
             if any(head in row for row in ratios.values())]
    if not heads:
        return
    print()
    _markdown(["imbrex over"] + heads,
              [[name] + [f"{row[head]:.2f}" if head in row else "-"
                         for head in heads] for name, row in ratios.items()])
    sys.stdout.flush()
