"""Draws the level of the pond as a row of characters for every day."""

import sys

MARKS = " .:-=+*#"


def mark_of(level, crest):
    """The character for a level between dry and full."""
    share = max(0.0, min(1.0, level / crest))
    return MARKS[round(share * (len(MARKS) - 1))]


def draw(levels, crest, width=60):
    """Lines of marks, at most `width` days in each."""
    marks = [mark_of(level, crest) for level in levels]
    lines = []
    for start in range(0, len(marks), width):
        lines.append("".join(marks[start : start + width]))
    return lines


def main():
    levels = [float(line) for line in sys.stdin if line.strip()]
    crest = max(levels, default=1.0)
    for line in draw(levels, crest):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
