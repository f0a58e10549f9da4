"""Numbers as a person reads them: few digits, and units in which they are neither huge nor tiny (725 µm³, 2.13 mm).

Stored values are nm, nm², nm³ and nm⁻¹; a thousandfold mistake shows only where the unit fits the number.
"""

import math
from dataclasses import dataclass

from syndb_graphql.spec.types import DIMENSIONS

LENGTHS = (("nm", 1.0), ("µm", 1e3), ("mm", 1e6), ("m", 1e9))
POWERS = {1: "", 2: "²", 3: "³", -1: "⁻¹"}
SMALL_UM = 1e-3
"""Areas and volumes are given in µm² and µm³ from here on: a synapse's 0.08 µm² is never 80,000 nm² in a paper."""
PLAIN = (1e-3, 1e7)
"""Numbers between are written out, others with a power of ten."""
DIGITS = 4
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Unit:
    """`label` is empty for plain numbers; a stored value divided by `size` is in this unit."""

    label: str
    size: float

    def write(self, value: float) -> str:
        """The number without its unit."""
        return write_number(value / self.size)


PLAIN_UNIT = Unit("", 1.0)


def fitting_unit(stored: str | None, value: float) -> Unit:
    """The unit in which `value` of a column stored in `stored` (nm, nm2, nm3, nm-1 or none) is best read."""
    if stored is None:
        return PLAIN_UNIT
    power = DIMENSIONS[stored]
    units = [Unit(name + POWERS[power], size**power) for name, size in LENGTHS]
    amount = abs(value)
    if not math.isfinite(amount) or amount == 0:
        return units[0]
    if power < 0:
        return next((unit for unit in units if amount / unit.size >= 1), units[-1])
    fitting = units[0]
    for unit, least in zip(units[1:], (1.0 if power == 1 else SMALL_UM, 1.0, 1.0), strict=True):
        if amount / unit.size >= least:
            fitting = unit
    return fitting


def write_number(value: float) -> str:
    """Four digits; whole numbers in full below ten million."""
    amount = abs(value)
    if amount == 0:
        return "0"
    if not math.isfinite(value):  # over the largest number, once its unit was changed
        return str(value)
    if not PLAIN[0] <= amount < PLAIN[1]:
        mantissa, _, exponent = f"{value:.{DIGITS - 1}e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}×10{str(int(exponent)).translate(_RAISED)}"
    if value == int(value):
        return f"{int(value):,}"
    decimals = max(0, DIGITS - 1 - math.floor(math.log10(amount)))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
