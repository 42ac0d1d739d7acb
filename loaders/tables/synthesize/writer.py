"""What tables say: labels, headings, figures of one column's format, marks; drawn with one random generator."""

from __future__ import annotations

import random
from dataclasses import dataclass

from loaders.relate.synthesize.prose import Pen, Prose
from loaders.tables.synthesize.draft import Entry

NOUNS = (
    "sales income revenue cost assets liabilities equity cash debt interest tax profit loss goodwill inventory "
    "receivables payables provisions dividends shares capital reserves leases equipment property investment securities "
    "loans deposits services products research marketing wages pensions insurance energy water fuel transport housing "
    "education health food clothing population households births deaths workers students teachers farms schools "
    "hospitals roads vehicles accidents emissions waste rainfall temperature samples patients subjects age weight "
    "height pressure dose response group control treatment method model accuracy error rate score precision recall "
    "baseline parameters layers batch epochs data set features region district country city area output exports "
    "imports steel cement coal cotton wheat rice maize fish timber paper copper gold machinery chemicals textiles "
    "permits contracts projects grants awards meetings staff volunteers members visitors rooms tickets licences"
).split()
ADJECTIVES = (
    "total net gross other current deferred operating annual average monthly weekly primary secondary rural urban "
    "public private domestic foreign male female high low medium new old final initial mean standard relative local "
    "national federal general special fixed variable mixed early late adjusted weighted estimated projected actual "
    "budgeted common preferred industrial commercial residential long-term short-term non-current self-employed"
).split()
CONNECTIVES = ("of", "and", "for", "in", "per", "from", "by", "with", "before", "to", "on", "under")
VERBS = "shows includes covers requires provides measures excludes supports allows describes applies reports".split()
PLACES = (
    "Austria,Belgium,Brazil,Canada,Chile,Denmark,Egypt,Finland,France,Germany,Ghana,Hungary,India,Indonesia,Italy,"
    "Japan,Kenya,Malaysia,Mexico,Morocco,Nepal,Netherlands,Norway,Peru,Philippines,Poland,Portugal,Romania,Senegal,"
    "Spain,Sweden,Thailand,Turkey,Uganda,Ukraine,Vietnam,Zambia,United Kingdom,United States,South Africa,"
    "New Zealand,Sri Lanka,Czech Republic"
).split(",")
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
SYMBOLS = "α β γ δ λ μ σ θ".split()
MISSING = ("-", "–", "—", "", "n/a", "NA", "...", "*")
MARKS = ("✓", "X", "•", "Yes", "No", "–", "+", "×")


@dataclass(slots=True)
class Figures:
    """The figures of one column: of one size, number of decimals and format."""

    rng: random.Random
    most: float
    decimals: int
    grouped: str
    percent: bool
    negative: str
    missing: str
    chance: float

    def __call__(self) -> str:
        if self.rng.random() < self.chance:
            return self.missing
        value = self.most * self.rng.random() ** 2
        text = f"{value:,.{self.decimals}f}".replace(",", self.grouped)
        if self.negative and self.rng.random() < 0.15:
            text = f"({text})" if self.negative == "(" else f"{self.negative}{text}"
        return text + ("%" if self.percent else "")


@dataclass(slots=True)
class Writer:
    """Draws what a table says."""

    rng: random.Random

    @property
    def pen(self) -> Pen:
        """Names, dates, goods and codes with the same generator."""
        return Pen(self.rng, Prose("en", ("Total net sales of all regions.",), ("Sales",)))

    def some(self, low: int, high: int) -> int:
        return self.rng.randint(low, high)

    def maybe(self, chance: float = 0.5) -> bool:
        return self.rng.random() < chance

    def phrase(self, low: int = 1, high: int = 4) -> str:
        """Return a label of about so many words, the first one capital, or all of them."""
        count, words = self.rng.randint(low, high), list[str]()
        while len(words) < count:
            if words and len(words) < count - 1 and self.maybe(0.3):
                words.append(self.rng.choice(CONNECTIVES))
            words.append(self.rng.choice(ADJECTIVES if self.maybe(0.4) and len(words) < count - 1 else NOUNS))
        text = " ".join(words[:count] if words[count - 1] not in CONNECTIVES else words)
        return text.title() if self.maybe(0.15) else text[:1].upper() + text[1:]

    def sentence(self, low: int = 6, high: int = 20) -> str:
        """Return prose as wordy cells hold it."""
        parts = [self.phrase(2, 4)]
        while sum(len(part.split()) for part in parts) < self.rng.randint(low, high):
            parts.append(f"{self.rng.choice(VERBS)} {self.phrase(2, 4).lower()}")
            if self.maybe(0.2):
                parts[-1] += self.rng.choice((",", ";", " and", ":"))
        return " ".join(parts) + ("." if self.maybe(0.6) else "")

    def figures(self, most: float | None = None, decimals: int | None = None, missing: float | None = None) -> Figures:
        """Return a column's figures."""
        rng = self.rng
        most = 10 ** rng.randint(0, 6) if most is None else most
        decimals = (rng.choice((1, 2, 3)) if most < 1000 else rng.choice((0, 0, 1))) if decimals is None else decimals
        return Figures(
            rng,
            most,
            decimals,
            rng.choice((",", ",", ",", " ", "")),
            most <= 100 and rng.random() < 0.2,
            rng.choice(("", "", "-", "(", "−")),
            rng.choice(MISSING),
            rng.choice((0.0, 0.0, 0.05, 0.2)) if missing is None else missing,
        )

    def years(self, count: int) -> list[str]:
        """Return years that follow each other."""
        first, down = self.rng.randint(1960, 2024), self.maybe(0.4)
        years = [first + k for k in range(count)]
        years = years[::-1] if down else years
        form = self.rng.choice(("{}", "{}", "FY{}", "{}/{:02}"))
        return [form.format(year, (year + 1) % 100) for year in years]

    def places(self, count: int) -> list[str]:
        return self.rng.sample(PLACES, min(count, len(PLACES)))

    def headings(self, count: int, most_words: int = 3) -> list[str]:
        """Return column headings, with units now and then."""
        unit = self.rng.choice(("", "", "(%)", "($)", "(kg)", "(n)", "(mm)", "(000)"))
        broken = self.maybe(0.15)
        heads = [f"{self.phrase(1, most_words)} {unit if self.maybe() else ''}".strip() for _ in range(count)]
        return [self.broken(head) if broken and self.maybe(0.8) else head for head in heads]

    def broken(self, text: str) -> str:
        """Return a text with a line of its own for what stands before or after one of its spaces."""
        words = text.split()
        at = self.rng.randint(1, max(len(words) - 1, 1))
        return "\n".join(filter(None, (" ".join(words[:at]), " ".join(words[at:]))))

    def clock(self) -> str:
        return f"{self.rng.randint(0, 23):02}:{self.rng.randint(0, 59):02}"

    def mark(self) -> str:
        return self.rng.choice(MARKS)

    def entry(self, text: str, **look: object) -> Entry:
        """Return an entry with a footnote mark now and then."""
        raised = self.rng.choice("abc12*†") if text and self.maybe(0.02) else ""
        return Entry(text, raised=raised, **look)  # type: ignore[arg-type]
