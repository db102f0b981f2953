"""Which facts fit a dataset: its size, kind, languages and reasoning choose the lines; no number is made here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from app.core.advice.facts import Band, Cites, Facts, Family, Method, Number, Range, Size, load_facts
from app.core.stats import KINDS, name_language
from app.core.text import plural
from app.core.validation.costs import count_epochs
from app.core.validation.lints.sets import UNBALANCED
from app.core.validation.profiles import load_profiles

# From this share of the answers on a set is of a kind, teaches facts, or keeps a model thinking.
MOST = 0.5
SOME = 0.2
THINKING = 0.75
# A language of so many of the pairs is named alone, else beside all that have the second share.
MAJORITY = 2 / 3
WEIGHTY = 0.1
# Kinds of sets that are not told by their answers alone.
SETS = {
    "classification": "Classification",
    "preference": "Preference pairs",
    "tools": "Tool calls",
    "chat": "Conversations",
    "extraction": "Extraction and rewriting",
    "facts": "Closed-book Q&A",
    "mixed": "Questions and answers",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of advice, with what of the data speaks for it."""

    name: str
    tone: str
    title: str
    says: str
    because: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A setting: the value to start with, the range to try, why, and what each source says."""

    name: str
    start: Number | str
    low: Number | None
    high: Number | None
    reason: str
    sources: tuple[str, ...]
    said: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Need:
    """The memory (GB) that a model needs to be trained; ``unsaid`` where nobody said by which method."""

    name: str
    qlora: Range | None
    lora: Range | None
    full: Range | None
    unsaid: Range | None
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """A family with what it needs. ``fits`` names the largest of its models that the memory is enough for."""

    family: Family
    qlora: Range | None
    lora: Range | None
    unsaid: Range | None
    fits: str
    method: str
    why: str
    sources: tuple[str, ...]
    sizes: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """All that is advised for a dataset, ready for a page and for programs."""

    records: int
    train: int
    kind: str
    facts: dict[str, Any]
    band: Band
    lines: list[Line]
    counts: list[dict[str, Any]]
    families: list[Fit]
    settings: list[Chosen]
    memory: float | None
    sources: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The values as programs read them; ``sources`` by their names."""
        known = load_facts().sources
        told = asdict(self)
        told["band"] = {"title": self.band.title, "says": self.band.says, "sources": self.band.sources}
        told["families"] = [
            {
                **{key: value for key, value in asdict(one).items() if key != "family"},
                "name": one.family.name,
                "licence": one.family.licence,
                "licence_checked": bool(one.family.licence_source),
                "note": one.family.note,
                "no_qlora": one.family.no_qlora,
            }
            for one in self.families
        ]
        told["settings"] = {one.name: asdict(one) for one in self.settings}
        told["sources"] = {name: _as_dict(known[name]) for name in self.sources}
        return told


def _as_dict(source: Any) -> dict[str, Any]:
    names = ("title", "publisher", "kind", "url", "version")
    return {**{name: getattr(source, name) for name in names}, "read": source.read.isoformat()}


def advise(stats: Mapping[str, Any], tokens: Mapping[str, Any] | None, memory: float | None = None) -> Advice:
    """What the field recommends for the set that ``stats`` describe (as ``Statistics.close`` gives them).

    ``tokens`` has ``median``, ``max`` and ``exact``, where they were counted; ``memory`` is what is free, in GB.
    """
    facts, sample = load_facts(), max(stats["sample"], 1)
    train = stats["splits"].get("train") or stats["records"]
    share = {name: stats["kinds"].get(name, 0) / sample for name in KINDS}
    reasoning = stats["has"]["reasoning"] / max(stats["records"], 1)
    kind = _find_set(stats, share)
    band = [one for one in facts.bands if one.least <= train][-1]
    language, spoken = next(iter(stats["languages"].items()), ("unknown", 0))
    different = max(stats["answers"]["different"], 1)
    told = {
        "language": name_language(language),
        "language_share": spoken / sample,
        "language_shares": _share_languages(stats["languages"], sample),
        "languages": sum(count / sample >= 0.05 for name, count in stats["languages"].items() if name != "unknown"),
        "kind": SETS.get(kind) or KINDS[kind],
        "facts": share["facts"],
        "reasoning": reasoning,
        "wordings": stats["records"] / different,
        "wordings_exact": stats["answers"]["exact"],
        "median": tokens["median"] if tokens else None,
        "longest": tokens["max"] if tokens else None,
        "tokens_exact": bool(tokens and tokens["exact"]),
    }
    fits = sorted(
        (
            _fit(facts, one, memory, reasoning=reasoning > 0, languages=told["languages"], language=language)
            for one in facts.families
        ),
        key=lambda one: (not one.fits if memory else False, not one.family.licence_source),
    )
    lines = list(_find_lines(facts, stats, told, kind, train, share, reasoning))
    settings = list(_choose_settings(facts, band, kind, train, told, fits, memory))
    counts = [
        {
            "who": one.who,
            "note": one.note,
            "enough": one.judge(train) == "enough",
            "verdict": one.judge(train),
            "sources": one.sources,
        }
        for one in facts.counts
    ]
    parts: Iterable[Iterable[Cites]] = ([band], lines, fits, settings, facts.counts)
    cited = [name for part in parts for one in part for name in one.sources]
    advice = Advice(stats["records"], train, kind, told, band, lines, counts, fits, settings, memory)
    advice.sources.extend(dict.fromkeys(cited))
    return advice


def _share_languages(counts: Mapping[str, int], sample: int) -> list[dict[str, Any]]:
    """The languages to name, with their shares: one where it is that of most pairs, else all that are of weight."""
    shares = [(name_language(code), count / sample) for code, count in counts.items()]
    if shares and shares[0][1] >= MAJORITY:
        shares = shares[:1]
    told = [*shares[:1], *(one for one in shares[1:] if one[1] >= WEIGHTY)]
    return [{"language": name, "share": share} for name, share in told]


def _find_set(stats: Mapping[str, Any], share: Mapping[str, float]) -> str:
    """The kind of the whole set: a key of ``SETS``, or of ``KINDS``."""
    records = max(stats["records"], 1)
    several = sum(count for turns, count in stats["turns"].items() if turns != "1")
    if stats["labels"]:
        return "classification"
    if stats["has"]["rejected_answer"] >= MOST * records:
        return "preference"
    if max(share["tools"], stats["has"]["tools"] / records) >= MOST:
        return "tools"
    if several >= MOST * records:
        return "chat"
    if share["quoted"] + share["rewritten"] + share["structured"] >= MOST:
        return "extraction"
    return next((name for name in ("code", "calculation", "facts") if share[name] >= MOST), "mixed")


def _find_lines(
    facts: Facts,
    stats: Mapping[str, Any],
    told: Mapping[str, Any],
    kind: str,
    train: int,
    share: Mapping[str, float],
    reasoning: float,
) -> Iterator[Line]:
    def line(name: str, because: str, tone: str = "info") -> Line:
        note = facts.notes[name]
        return Line(name, tone, note.title, note.says, because, note.sources)

    stated = f"At least {share['facts']:.0%} of the answers have numbers or names that stand nowhere before them."
    if kind == "facts":
        yield line("facts", stated, "warn")
    elif share["facts"] >= SOME and kind == "mixed":
        yield line("some-facts", stated)
    if kind in ("facts", "mixed") and share["facts"] >= SOME:
        if stats["families"] or told["wordings"] >= 1.1:
            other = stats["families"]
            kept = f"{plural(other, 'pair')} {'is another wording' if other == 1 else 'are other wordings'} of one"
            many = f"{told['wordings']:.1f} questions have the same answer on average"
            yield line("wordings", f"{kept if other else many}.")
        else:
            yield line("few-wordings", "Nearly every answer has one question.")
    if labels := stats["labels"]:
        most, least = max(labels.values()), min(labels.values())
        uneven = most > UNBALANCED * least
        because = f"{plural(len(labels), 'label')}, the most frequent {plural(most, 'time')}, the rarest {least:,}."
        yield line("labels-uneven" if uneven else "labels", because, "warn" if uneven else "info")
    if reasoning:
        enough = reasoning >= THINKING
        because = f"{reasoning:.0%} of the pairs have reasoning."
        yield line("thinking" if enough else "thinking-few", because, "info" if enough else "warn")
        if 100 <= train <= 1_000:
            yield line("reinforcement", f"{train:,} pairs to train on.")
    else:
        yield line("no-thinking", "")
    if train >= 50:
        yield line("instruct" if train < 300 else "base", f"{train:,} pairs to train on.")
        yield line("lora", "")
    yield line("evaluate", "")


def _choose_settings(
    facts: Facts,
    band: Band,
    kind: str,
    train: int,
    told: Mapping[str, Any],
    fits: Sequence[Fit],
    memory: float | None,
) -> Iterator[Chosen]:
    """Settings to begin with; none where the set is too small to train on."""
    if not (band.rank and band.epochs and band.learning_rate):
        return
    size = f"{train:,} pairs to train on"
    first = next((one for one in fits if one.fits and one.method), None) if memory else None
    method = first.method if first else "lora"
    why = f"{first.family.name} {first.fits} fits into {memory:g} GB" if first else size
    yield Chosen("method", method, None, None, why, ("tinker", "trl-lora", *(first.sources if first else ())))

    def said(setting: str, methods: Sequence[str]) -> tuple[dict[str, Any], ...]:
        found = [one for one in facts.values if one.setting == setting and one.method in methods]
        return tuple(
            {"who": one.who, "low": one.low, "high": one.high, "note": one.note, "sources": one.sources}
            for one in found
        )

    def cite(values: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for one in values for name in one["sources"]))

    if kind == "preference":
        rates = said("learning_rate", ("preference",))
        yield Chosen(
            "learning_rate",
            rates[0]["low"],
            rates[0]["low"],
            rates[0]["high"],
            "pairs of a better and a worse answer",
            cite(rates),
            rates,
        )
    else:
        rates, rate = said("learning_rate", ("lora", "full")), band.learning_rate
        yield Chosen("learning_rate", rate.start, rate.low, rate.high, size, ("ours", *cite(rates)), rates)
    epochs, rule = said("epochs", ("",)), load_profiles()["openai-sft"].epochs
    if rule is not None:
        number, how = count_epochs(train, rule)
        epochs += (
            {
                "who": "OpenAI",
                "low": number,
                "high": number,
                "note": f"By its rule, {how}.",
                "sources": ("openai-cookbook",),
            },
        )
    yield Chosen("epochs", band.epochs.start, band.epochs.low, band.epochs.high, size, ("ours", *cite(epochs)), epochs)
    ranks = said("rank", ("lora",))
    yield Chosen("rank", band.rank.start, band.rank.low, band.rank.high, size, ("ours", *cite(ranks)), ranks)
    batches = said("batch", ("", "lora"))
    yield Chosen(
        "batch",
        facts.batch.start,
        facts.batch.low,
        facts.batch.high,
        "small batches, as they all say",
        cite(batches),
        batches,
    )
    if told["longest"]:
        about = "" if told["tokens_exact"] else ", by an estimate"
        yield Chosen("length", told["longest"], None, None, f"tokens of the longest pair{about}", ())


def _fit(facts: Facts, family: Family, memory: float | None, *, reasoning: bool, languages: int, language: str) -> Fit:
    """A family with the memory that its models need, and the largest that fits."""
    needs = tuple(need_of(facts, size) for size in family.sizes)
    fits = method = ""
    for one in needs if memory is not None else ():
        for way, room in (("qlora", one.qlora), ("lora", one.lora), ("", one.unsaid)):
            if room is not None and room[1] <= (memory or 0):
                fits, method = one.name, way
    reasons = []
    if memory is not None and needs:
        reasons.append(f"{fits} fits" if fits else f"Needs more than {memory:g} GB")
    if reasoning and family.reads_reasoning is not None:
        reads = "Its template reads reasoning" if family.reads_reasoning else "Its template leaves reasoning out"
        reasons.append(reads)
    if family.languages and (languages > 1 or language not in ("en", "unknown")):
        reasons.append(f"Made for {family.languages} languages")
    return Fit(
        family,
        _span([one.qlora for one in needs]),
        _span([one.lora for one in needs]),
        _span([one.unsaid for one in needs]),
        fits,
        method,
        ". ".join(reasons),
        tuple(dict.fromkeys((*family.sources, *(name for one in needs for name in one.sources)))),
        needs,
    )


def need_of(facts: Facts, size: Size) -> Need:
    """The memory that a model needs by each method; from least to most where tables differ."""
    table, memory = next((one for one in facts.memory.measured if one.billions == size.billions), None), facts.memory

    def reckon(method: Method, measured: Number | None) -> Range | None:
        if size.billions is None:
            return None
        found = [memory.per_billion[method] * size.billions, *([] if measured is None else [measured])]
        return min(found), max(found)

    cited = () if size.billions is None else memory.per_billion_sources
    return Need(
        size.name,
        size.qlora or reckon("qlora", table.qlora if table else None),
        size.lora or reckon("lora", table.lora if table else None),
        reckon("full", None),
        size.unsaid,
        (*size.sources, *cited, *(memory.measured_sources if table else ())),
    )


def _span(ranges: Sequence[Range | None]) -> Range | None:
    known = [one for one in ranges if one]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None
