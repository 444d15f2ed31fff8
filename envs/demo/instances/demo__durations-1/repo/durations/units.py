"""The units, from the largest to the smallest, with their lengths in seconds."""

UNITS = {
    "w": 7 * 24 * 60 * 60,
    "d": 24 * 60 * 60,
    "h": 60 * 60,
    "m": 60,
    "s": 1,
}
