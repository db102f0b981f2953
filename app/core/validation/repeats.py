"""Which number a hash was first met with, for millions of them."""

from array import array


class FirstNumbers:
    """The first number of each hash, in a table with open places: 16 bytes a place, where a dict takes over 100."""

    def __init__(self) -> None:
        self._make_table(1 << 12)

    def _make_table(self, places: int) -> None:
        self._hashes, self._numbers = array("q", bytes(8 * places)), array("q", bytes(8 * places))
        self._mask, self._known = places - 1, 0

    def find(self, hashed: int, number: int) -> int:
        """The number that a hash of 64 bits was first met with, which is this one where it is new."""
        hashed = hashed or 1  # A zero stands in an open place.
        hashes, mask = self._hashes, self._mask
        place = hashed & mask
        while (kept := hashes[place]) != hashed:
            if not kept:
                hashes[place], self._numbers[place] = hashed, number
                self._known += 1
                if 3 * self._known > 2 * mask:
                    self._grow()
                return number
            place = (place + 1) & mask
        return self._numbers[place]

    def _grow(self) -> None:
        kept = zip(self._hashes, self._numbers, strict=True)
        self._make_table(2 * (self._mask + 1))
        for hashed, number in kept:
            if hashed:
                self.find(hashed, number)
