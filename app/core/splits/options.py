"""How pairs are divided into train, validation and test, as every door can be told."""

import math
from dataclasses import dataclass, replace

from app.core.errors import BadUsage
from app.core.options import option
from app.core.record import SPLITS

# What can be kept together. Families of other wordings always are.
GROUPS = {
    "conversation": "Conversation",
    "source": "Source document",
    "duplicates": "Duplicate group",
    "tag": "Tag",
    "file": "Imported file",
}
STRATA = {"": "Nothing", "tag": "Tags"}
LOCK_HELP = (
    "Pairs that have a split keep it, or all are placed anew.  [default: they keep it while the split is made as "
    "last time]"
)


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """Shares, seed and what belongs together. ``lock`` says that pairs keep the split they have; None leaves it open:
    they keep it where the split before was made with the same options.
    """

    ratios: str = option("80/10/10", "Shares", "Shares of train, validation and test.", metavar="A/B/C")
    group_by: tuple[str, ...] = option(
        (),
        "Keep together",
        f"What no split parts: {', '.join(GROUPS)}, between commas. Families always stay whole.",
        metavar="NAME,…",
    )
    stratify: str = option("", "Same mix of", "Give each split the same mix of these.", choices=STRATA)
    minimum: int = option(
        0, "At least", "How many pairs each split has at least whose share is not 0.", flag="--min", metavar="N"
    )
    seed: int = option(42, "Seed", "The same seed and pairs give the same split.", metavar="N")
    lock: bool | None = option(None, "Pairs that have a split", LOCK_HELP)

    def __post_init__(self) -> None:
        names = dict.fromkeys(part.strip() for one in self.group_by for part in one.split(",") if part.strip())
        if unknown := [name for name in names if name not in GROUPS and name != "family"]:
            known = ", ".join(GROUPS)
            raise BadUsage(f"Pairs cannot be kept together by {unknown[0]!r}. Use {known}.", code="bad_group")
        # In one order and without repeats, so that what is the same compares as the same.
        object.__setattr__(self, "group_by", tuple(name for name in GROUPS if name in names))
        if self.stratify not in STRATA:
            raise BadUsage(f"The mix can be that of {', '.join(filter(None, STRATA))}, not {self.stratify!r}.")
        if self.stratify == "tag" and "tag" in names:
            raise BadUsage(
                "A tag cannot be kept together and be mixed into every split alike. Choose one of the two.",
                code="tag_twice",
            )
        if self.minimum < 0:
            raise BadUsage("The least number of pairs cannot be below 0.", code="bad_minimum")
        shares = [_read_share(part) for part in self.ratios.split("/")]
        whole = sum(share or 0 for share in shares)
        if len(shares) != len(SPLITS) or None in shares or not math.isclose(whole, 100, abs_tol=0.05):
            raise BadUsage(
                f"The shares {self.ratios!r} are not three numbers that add up to 100, such as 80/10/10 for "
                f"{', '.join(SPLITS[:2])} and {SPLITS[2]}.",
                code="bad_ratios",
            )
        object.__setattr__(self, "ratios", "/".join(f"{share:g}" for share in shares if share is not None))

    def changed(self, said: dict[str, object]) -> "SplitOptions":
        """The same but for what is said. Raises BadUsage where that makes no sense."""
        kept: dict[str, object] = {}
        # Of two that exclude each other the one that is said counts.
        if said.get("stratify") == "tag" and "group_by" not in said:
            kept["group_by"] = tuple(name for name in self.group_by if name != "tag")
        if "stratify" not in said and "tag" in SplitOptions(group_by=said.get("group_by", ())).group_by:  # type: ignore[arg-type]
            kept["stratify"] = ""
        return replace(self, **{**kept, **said})  # type: ignore[arg-type]

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of train, validation and test, from 0 to 1."""
        return tuple(float(part) / 100 for part in self.ratios.split("/"))

    @property
    def rule(self) -> tuple[object, ...]:
        """What decides where a pair belongs."""
        return self.ratios, self.group_by, self.stratify, self.minimum, self.seed

    @property
    def title(self) -> str:
        """The rule in a few words."""
        kept = " and ".join(GROUPS[name].lower() for name in self.group_by)
        mixed = f", with the same mix of {STRATA[self.stratify].lower()}" if self.stratify else ""
        return f"{self.ratios.replace('/', ' / ')}{f' by {kept}' if kept else ''}{mixed}, seed {self.seed}"


def _read_share(text: str) -> float | None:
    try:
        share = float(text.strip().removesuffix("%"))
    except ValueError:
        return None
    return share if math.isfinite(share) and 0 <= share <= 100 else None
