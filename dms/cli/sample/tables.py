"""Tables of the sample archive: each is drawn from its name, column by column.

A name is `kind:seed`, with `-b`, `-c` .. for a later reading of the same table: some rows corrected,
some added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dms.cli.sample.seeded import Seeded

Cell = Callable[[Seeded, int], str]

_STREETS = (
    "Quai des Tanneurs",
    "Rue du Phare",
    "Place du Môle",
    "Via dei Cedri",
    "Quarry Lane",
    "Rue de la Gare",
    "Salita dei Pescatori",
    "Charter Street",
    "Impasse des Cordiers",
    "Lighthouse Road",
    "Rue Saint-Roch",
    "Via del Mercato",
)
_DISTRICTS = ("Old Harbour", "Upper Town", "Saint-Roch", "Cedri", "Station")
_SURNAMES = (
    "Morin", "Bianchi", "Trent", "Delmas", "Ferrari", "Wu", "Gandolfo", "Petit", "Neri", "Corbin",
    "Arnaud", "Lanza", "Okonjo", "Nguyen", "Helm", "Ruel", "Fabre", "Solheim", "Zelenko", "Roux",
)  # fmt: skip
_NAMES = (
    "Adèle", "Paolo", "Marguerite", "Étienne", "Lucia", "John", "Suyun", "Irène", "Sandro", "Ada",
    "Gaston", "Elena", "Thomas", "Louise", "Jiaming", "Rosa", "Auguste", "Clara", "Pietro", "Anna",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of table: how many rows, and what stands in each column."""

    rows: int
    columns: tuple[tuple[str, Cell], ...]


def drawn(name: str) -> str:
    """Return the table of this name as lines of cells parted by ` | `, the header first."""
    kind, _, seed = name.partition(":")
    table = TABLES[kind]
    base, _, letter = seed.partition("-")
    readings = "abcdefgh".index(letter) if letter else 0
    lines = [_row(table, f"{kind}:{base}", at=at) for at in range(table.rows)]
    for reading in range(1, readings + 1):
        corrected = reading * 2 % table.rows
        lines[corrected] = _row(table, f"{kind}:{base}:{reading}", at=corrected)
        lines.append(_row(table, f"{kind}:{base}", at=len(lines)))
    return "\n".join((" | ".join(title for title, _ in table.columns), *lines))


def _row(table: Table, seed: str, *, at: int) -> str:
    draws = Seeded(f"{seed}:{at}")
    return " | ".join(cell(draws, at) for _, cell in table.columns)


def _serial(first: int) -> Cell:
    return lambda _, at: str(first + at)


def _numbers(low: int, high: int) -> Cell:
    return lambda draws, _: str(draws.between(low, high))


def _decimals(low: int, high: int, *, places: int) -> Cell:
    return lambda draws, _: f"{draws.between(low, high) / 10**places:.{places}f}"


def _one_of(*words: str) -> Cell:
    return lambda draws, _: draws.pick(words)


def _in_turn(*words: str) -> Cell:
    return lambda _, at: words[at % len(words)]


def _days(first: str, *, step: int = 1) -> Cell:
    start = date.fromisoformat(first)
    return lambda _, at: (start + timedelta(days=step * at)).isoformat()


def _moments(first: str, *, minutes: int) -> Cell:
    start = datetime.fromisoformat(first)
    return lambda _, at: (start + timedelta(minutes=minutes * at)).isoformat(" ", "minutes")


def _person(draws: Seeded, at: int) -> str:
    del at
    return f"{draws.pick(_SURNAMES)}, {draws.pick(_NAMES)}"


_MONEY = _numbers(12_000, 4_800_000)

TABLES: Mapping[str, Table] = {
    "accessions": Table(
        180,
        (
            ("number", _serial(1)),
            ("date", _days("1913-09-01", step=47)),
            ("from", _person),
            ("thing", _one_of("books", "model of a ship", "chart", "print", "coin", "letter", "costume")),
            ("pieces", _numbers(1, 60)),
        ),
    ),
    "accounts": Table(
        18,
        (
            ("account", _serial(3000)),
            (
                "heading",
                _in_turn(
                    "Harbour dues", "Market and leases", "Land tax", "Water", "Grants", "Schools",
                    "Streets and lamps", "Harbour works", "Police", "Civil protection", "Health",
                    "Library and museum", "Archive", "Registry", "Building Office", "Relief",
                    "Interest", "Reserves",
                ),
            ),
            ("budget", _MONEY),
            ("result", _MONEY),
        ),
    ),
    "applications": Table(
        24,
        (
            ("file", _serial(2601)),
            ("received", _days("2025-03-04", step=13)),
            ("state", _one_of("papers missing", "under review", "hearing fixed", "before the council")),
            ("residence in years", _numbers(5, 31)),
        ),
    ),
    "bathing": Table(
        36,
        (
            ("date", _days("2025-06-02", step=3)),
            ("place", _in_turn("Saint-Roch", "North mole", "Cedri beach")),
            ("enterococci per 100 ml", _numbers(4, 190)),
            ("temperature", _decimals(180, 262, places=1)),
        ),
    ),
    "births": Table(
        640,
        (
            ("number", _serial(1)),
            ("child", _person),
            ("date", _days("1890-11-12", step=20)),
            ("volume", _one_of("1", "2", "3")),
            ("page", _numbers(1, 298)),
        ),
    ),
    "books": Table(
        40,
        (
            ("编号", _serial(1)),
            ("书名", _one_of("临湾县志", "海港图说", "茶经新注", "潮汐表", "南方诗选", "航海旧闻", "丝与船")),
            ("册数", _numbers(1, 12)),
            ("年份", _numbers(1978, 2016)),
        ),
    ),
    "candidates": Table(
        9,
        (
            ("candidate", _in_turn(*"ABCDEFGHI")),
            ("years of practice", _numbers(2, 24)),
            ("interview", _one_of("yes", "no")),
            ("points", _numbers(41, 96)),
        ),
    ),
    "cargoes": Table(
        320,
        (
            ("date", _days("1894-01-08", step=6)),
            ("ship", _one_of("Elena", "Margherita", "Helvig", "Sainte-Anne", "Orlo", "Linwan Star")),
            ("goods", _one_of("tea", "silk", "hemp", "oil", "soap", "marble", "porcelain", "dried fish")),
            ("bales", _numbers(4, 260)),
            ("value", _numbers(180, 21_400)),
        ),
    ),
    "cash": Table(
        300,
        (
            ("date", _days("1905-01-02")),
            ("entry", _one_of("porters", "harbour dues", "sale of tea", "postage", "rent", "coal")),
            ("in", _numbers(0, 900)),
            ("out", _numbers(0, 700)),
        ),
    ),
    "census": Table(
        12,
        (
            ("street", _in_turn(*_STREETS)),
            ("houses", _numbers(11, 88)),
            ("households", _numbers(24, 240)),
            ("persons", _numbers(70, 1_140)),
            ("born elsewhere", _numbers(9, 320)),
        ),
    ),
    "condition": Table(
        12,
        (
            ("object", _serial(101)),
            ("title", _one_of("scroll, bamboo", "scales for tea", "bale mark", "ledger of 1894", "letter")),
            ("state", _one_of("good", "fair, fold at left", "good, old repair", "fair, foxing")),
            ("insured value", _numbers(400, 38_000)),
        ),
    ),
    "containers": Table(
        84,
        (
            ("container", _serial(440_120)),
            ("firm", _one_of("firm 1", "firm 2", "firm 3", "firm 4", "other")),
            ("papers kg", _numbers(9_000, 26_000)),
            ("scale kg", _numbers(9_000, 28_000)),
            ("day", _days("1999-02-01")),
        ),
    ),
    "deaths": Table(
        156,
        (
            ("week from", _days("2019-12-30", step=7)),
            ("deaths", _numbers(3, 19)),
            ("above 70", _numbers(2, 12)),
        ),
    ),
    "exchanges": Table(
        10,
        (
            ("data", _days("2026-09-12", step=38)),
            ("gruppo", _one_of("scuola di Cedri", "banda dei pompieri", "liceo del Faro", "biblioteca")),
            ("persone", _numbers(6, 48)),
        ),
    ),
    "gauge": Table(
        288,
        (
            ("time", _moments("2024-10-20T00:00", minutes=10)),
            ("level m", _decimals(212, 462, places=2)),
            ("gates", _one_of("closed", "closed", "closed", "moving")),
        ),
    ),
    "influenza": Table(
        52,
        (
            ("week from", _days("1918-07-01", step=7)),
            ("cases", _numbers(0, 412)),
            ("deaths", _numbers(0, 31)),
            ("in the ward", _numbers(0, 40)),
        ),
    ),
    "journal": Table(
        400,
        (
            ("time", _moments("2024-10-18T06:00", minutes=17)),
            ("street", _one_of(*_STREETS)),
            ("entry", _one_of("cellar under water", "tree down", "alarm", "traffic", "person hurt", "noise")),
            ("unit", _one_of("P1", "P2", "F1", "F2", "A1")),
        ),
    ),
    "levels": Table(
        66,
        (
            ("point", _in_turn(*(f"Q{n:02d}" for n in range(1, 12)))),
            ("read on", _days("2022-01-10", step=5)),
            ("settlement mm", _decimals(0, 94, places=1)),
        ),
    ),
    "marriages": Table(
        44,
        (
            ("date", _days("2025-01-18", step=8)),
            ("first", _person),
            ("second", _person),
            ("room", _one_of("town hall", "Villa Ferrari", "lighthouse")),
        ),
    ),
    "offers": Table(
        6,
        (
            ("firm", _in_turn(*"ABCDEF")),
            ("sum", _numbers(388_000, 612_000)),
            ("weeks", _numbers(14, 30)),
            ("remark", _one_of("complete", "glass extra", "scaffold extra")),
        ),
    ),
    "outbreak": Table(
        38,
        (
            ("room", _numbers(101, 324)),
            ("person", _person),
            ("born", _days("1926-02-11", step=211)),
            ("test", _one_of("positive", "negative", "negative", "repeat")),
            ("to hospital", _one_of("no", "no", "no", "yes")),
        ),
    ),
    "passengers": Table(
        12,
        (
            ("month", _in_turn(*(f"1938-{month:02d}" for month in range(1, 13)))),
            ("line 1", _numbers(61_000, 118_000)),
            ("line 2", _numbers(34_000, 77_000)),
        ),
    ),
    "pupils": Table(
        12,
        (("alunno", _person), ("età", _numbers(11, 15)), ("famiglia ospite", _person)),
    ),
    "radiation": Table(
        60,
        (
            ("measured", _moments("1986-05-01T08:00", minutes=240)),
            ("place", _in_turn("School of Cedri", "Fish Market", "Water tower")),
            ("microroentgen per hour", _numbers(9, 74)),
        ),
    ),
    "samples": Table(
        48,
        (
            ("taken", _moments("1987-11-04T02:30", minutes=30)),
            ("place", _in_turn("works", "bridge", "mouth", "mains")),
            ("solvent ug/l", _numbers(0, 1_900)),
        ),
    ),
    "scrolls": Table(
        30,
        (
            ("编号", _serial(1)),
            ("名称", _one_of("山水轴", "墨竹图", "行书对联", "海港图", "花鸟册页", "家书手卷")),
            ("作者", _one_of("佚名", "林素云", "吴嘉明", "陈石")),
            ("尺寸厘米", _one_of("132 x 44", "68 x 34", "33 x 210", "27 x 27")),
        ),
    ),
    "shelters": Table(
        220,
        (
            ("street", _one_of(*_STREETS)),
            ("house", _numbers(1, 60)),
            ("household", _person),
            ("persons", _numbers(1, 7)),
            ("shelter", _one_of("S1", "S2", "S3", "S4", "S5")),
        ),
    ),
    "tests": Table(
        820,
        (
            ("day", _days("2020-03-02")),
            ("tests", _numbers(12, 640)),
            ("positive", _numbers(0, 88)),
            ("district", _one_of(*_DISTRICTS)),
        ),
    ),
    "vaccination": Table(
        14,
        (
            ("order", _serial(1)),
            ("group", _one_of("homes", "above 80", "above 70", "care staff", "patients at risk", "teachers")),
            ("persons", _numbers(60, 1_900)),
            ("week", _numbers(2, 22)),
        ),
    ),
    "waterloss": Table(
        35,
        (
            ("month", _in_turn(*(f"2025-{month:02d}" for month in range(1, 8)))),
            ("district", _one_of(*_DISTRICTS)),
            ("fed in m3", _numbers(8_000, 41_000)),
            ("loss %", _decimals(41, 168, places=1)),
        ),
    ),
    "wishes": Table(
        16,
        (
            ("thing", _one_of("sea chart", "album", "letters of a pilot", "film of 1968", "tram ticket")),
            ("seller", _person),
            ("price", _numbers(40, 5_200)),
        ),
    ),
    "works": Table(
        45,
        (
            ("day", _days("2020-06-08")),
            ("metres laid", _decimals(0, 140, places=1)),
            ("men", _numbers(3, 9)),
            ("remark", _one_of("none", "old pipe leaks", "rock", "soft ground", "rain")),
        ),
    ),
}  # fmt: skip
