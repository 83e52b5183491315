"""The figures of docs/capacity.md follow from those of docs/benchmarks.md and from its own assumptions."""

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
MILLION = 1_000_000
DAYS = {"1 million": MILLION, "10 million": 10 * MILLION, "100 million": 100 * MILLION}
GIGABYTE = 1e6  # kB


def tables(page: str) -> dict[str, list[list[str]]]:
    """Return the rows of each table of a page, by the first cell of its header."""
    found: dict[str, list[list[str]]] = {}
    for block in re.findall(r"(?:^\|.*\|\n)+", (DOCS / page).read_text(), re.MULTILINE):
        header, _, *rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
        found[header[0]] = [header, *rows]
    return found


def figures(page: str, table: str) -> dict[str, float]:
    return {name: float(figure) for name, figure, *_ in tables(page)[table][1:]}


def rounded(value: float) -> str:
    """Return a number with two significant digits, as the page has it."""
    two = float(f"{value:.2g}")
    return f"{two:,.0f}" if two >= 10 else f"{two:g}"


def model_ms() -> float:
    """Return the milliseconds of the embedded captioner for a photograph, from bytes to metadata."""
    found = re.search(r"photograph to its metadata (\d+) ms", (DOCS / "benchmarks.md").read_text())
    assert found is not None
    return float(found[1])


def demand(images: int, cost: dict[str, float], given: dict[str, float]) -> dict[str, float]:
    """Return what a day of so many images takes."""
    peak = images / 86_400 * given["peak hour over the mean"]

    def processors(milliseconds: float) -> float:
        return peak * milliseconds / 1000 / given["utilization of a processor"]

    return {
        "images a second at the peak": peak,
        "worker processors, embedded captioner": processors(cost["worker processor time"] + model_ms()),
        "GPUs, and": peak * given["GPU time of an image, ms"] / 1000 / given["utilization of a processor"],
        "processors of their workers": processors(cost["worker processor time"]),
        "web processors": processors(cost["web processor time"]),
        "PostgreSQL processors": processors(cost["postgres processor time"]),
        "PostgreSQL transactions a second": peak * cost["transactions"],
        "WAL, MB a second": peak * cost["PostgreSQL WAL"] / 1000,
        "WAL, GB a day": images * cost["PostgreSQL WAL"] / GIGABYTE,
        "tables with sessions of a day, GB": images * cost["tables without the ledger"] / GIGABYTE,
        "ledger, GB a year": 365 * images * cost["ledger"] / GIGABYTE,
        "Redis processors": processors(cost["valkey processor time"]),
        "Redis commands a second": peak * cost["Redis commands"],
        "Redis network, MB a second": peak * cost["Redis network"] / 1000,
        "event streams, MB a second": peak * cost["event stream"] / 1000,
        "storage with sessions of a day, TB": images * given["size of an upload, MB"] / 1e6,
        "network of uploads and workers, Gbit a second": peak * given["size of an upload, MB"] * 3 * 8 / 1000,
    }


def limits(cost: dict[str, float], given: dict[str, float]) -> dict[str, float]:
    """Return the million images a day with which one unit of each part is used up."""

    def a_day(a_second: float) -> float:
        return a_second / given["peak hour over the mean"] * 86_400 / MILLION

    def processors(count: float, milliseconds: float) -> float:
        return a_day(count * given["utilization of a processor"] * 1000 / milliseconds)

    server = given["processors of the PostgreSQL server"]
    return {
        "one processor of a worker, embedded captioner": processors(1, cost["worker processor time"] + model_ms()),
        "a network of 10 Gbit a second": a_day(10_000 / 8 / (3 * given["size of an upload, MB"])),
        "one web process": processors(1, cost["web processor time"]),
        "one Redis": processors(1, cost["valkey processor time"]),
        "the PostgreSQL server": processors(server, cost["postgres processor time"]),
        "a disk that writes 200 MB of WAL a second": a_day(200_000 / cost["PostgreSQL WAL"]),
    }


def test_a_day_of_images_takes_what_the_measured_costs_say() -> None:
    cost = figures("benchmarks.md", "cost of an image")
    given = figures("capacity.md", "assumed")
    header, *rows = tables("capacity.md")["images a day"]
    assert header[1:] == list(DAYS)
    columns = [demand(images, cost, given) for images in DAYS.values()]

    assert {name: cells for name, *cells in rows} == {
        name: [rounded(column[name]) for column in columns] for name in columns[0]
    }


def test_the_part_that_gives_out_first_follows_from_the_measured_costs() -> None:
    cost = figures("benchmarks.md", "cost of an image")
    expected = limits(cost, figures("capacity.md", "assumed"))
    shown = {name: cell for name, cell, *_ in tables("capacity.md")["one unit"][1:]}

    assert shown == {name: rounded(value) for name, value in expected.items()}
    assert [*expected.values()] == sorted(expected.values()), "the first to give out comes first"


def test_every_measured_cost_is_used() -> None:
    """A row of the benchmarks that nothing reads could be changed alone."""
    cost = figures("benchmarks.md", "cost of an image")
    given = figures("capacity.md", "assumed")
    usual = [*demand(MILLION, cost, given).values(), *limits(cost, given).values()]

    for source in (cost, given):
        for name in source:
            changed = {**source, name: source[name] * 1.5}
            arguments = (changed, given) if source is cost else (cost, changed)
            assert [*demand(MILLION, *arguments).values(), *limits(*arguments).values()] != usual, name
