"""The header and the source of a network in C99."""

import re
from string import Template
from textwrap import indent

from rebnet.generate.c.helpers import called
from rebnet.generate.c.program import Program

_HEADER = Template("""\
/* $name.h: $title
 *
 * $text
 *
 * Made by rebnet from network.json, SHA-256
 * $digest;
 * edit the network instead. Weights and code are in $name.c.
 *
 *     static ${name}_memory memory;
 *     ${name}_score scores[$scores];
 *     ${name}_scores(image, 0, &memory, scores);
 *     $use;
 *
 * Constants (flash): $constant_bytes bytes, and the code.
 * Working memory (RAM): $memory_bytes bytes that the caller gives; they need no initial value and hold nothing from
 * image to image. Calls with memory of their own may run at the same time. No allocation, no floating point.
 */
#ifndef ${NAME}_H
#define ${NAME}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ${NAME}_HEIGHT $height
#define ${NAME}_WIDTH $width
#define ${NAME}_CHANNELS $channels
#define ${NAME}_CLASSES $classes
$map$units#define ${NAME}_LEVELS $levels /* M */
#define ${NAME}_CONSTANT_BYTES $constant_bytes
#define ${NAME}_MEMORY_BYTES $memory_bytes

typedef $score ${name}_score; /* no score of any image leaves it */

typedef struct {
$members} ${name}_memory;

typedef char ${name}_memory_is_as_stated[sizeof(${name}_memory) == ${NAME}_MEMORY_BYTES ? 1 : -1];

/* Scores of an image of ${NAME}_HEIGHT x ${NAME}_WIDTH x ${NAME}_CHANNELS bytes, channels fastest.
$in_order * levels: $levels_comment */
void ${name}_scores(const uint8_t *image, int levels, ${name}_memory *memory, ${name}_score scores[$scores]);

/* The first of the largest scores$of_place: 0 ... ${NAME}_CLASSES - 1. */
int ${name}_label(const ${name}_score scores[${NAME}_CLASSES]);

#ifdef __cplusplus
}
#endif

#endif
""")

_SOURCE = Template("""\
/* $name.c: $title
 *
 * $text
 *
 * Made by rebnet from network.json, SHA-256
 * $digest.
 * C99, self-contained; $name.h says how to call it and how much memory it takes.
 *
 * Weights and activations are +1 and -1, one bit each: 1 means +1. An activation of several levels is a bit in as many
 * planes, level 1 in the first. A layer counts, plane by plane, the bits in which a window and a row of weights agree
 * and sums A = g_1*p_1 + g_2*p_2 + ...; t and the steps turn A into the row's code: r = A - t; bit 1 is r >= 0; r loses
 * or gains a step, d_1, towards 0; bit 2 is r >= 0; and so on. Pixels are codes too, of $input_bits planes.
$note *
$layers */
#include "$name.h"

#include <string.h>

typedef ${name}_score score;
typedef char int_is_wide_enough[sizeof(int) >= 4 ? 1 : -1];

/* -------- constants -------- */

$tables
typedef char constants_are_as_stated[
    $constants == ${NAME}_CONSTANT_BYTES ? 1 : -1];

/* -------- bits -------- */

$helpers
/* -------- layers -------- */

$prototypes$functions
/* -------- the network -------- */

void ${name}_scores(const uint8_t *image, int levels, ${name}_memory *memory, ${name}_score scores[$scores])
{
$serve$calls}

int ${name}_label(const ${name}_score scores[${NAME}_CLASSES])
{
    int label = 0;
    for (int row = 1; row < ${NAME}_CLASSES; row++)
        if (scores[row] > scores[label]) label = row;
    return label;
}
""")


def header_text(program: Program, name: str, digest: str) -> str:
    """NAME.h: what the network is, what it takes, and its two functions."""
    network = program.network
    image = network.input
    return _HEADER.substitute(
        _common(program, name, digest),
        height=image.height,
        width=image.width,
        channels=image.channels,
        classes=network.classes,
        levels=network.levels,
        score=program.score,
        members=indent("".join(program.members), "    "),
        levels_comment=_levels_comment(program),
    )


def source_text(program: Program, name: str, digest: str) -> str:
    """NAME.c: constants and code."""
    sizes = (f"sizeof {table.name}" for table in program.tables)
    functions = "\n".join(program.functions)
    return _SOURCE.substitute(
        _common(program, name, digest),
        input_bits=program.network.input.bits,
        note=program.note,
        layers="".join(f" * {line}\n" for line in program.lines),
        tables="\n".join(table.text(hexadecimal=table.name.startswith("weights")) for table in program.tables),
        constants=" +\n    ".join(sizes),
        helpers="\n".join(called(functions, tabled=program.network.input.table is not None)),
        prototypes="".join(program.prototypes) + "\n" if program.prototypes else "",
        functions=functions,
        serve=_serve(program),
        calls="".join(f"    {call}\n" for call in program.calls),
    )


_MAP = Template("""\
#define ${NAME}_MAP_HEIGHT $height
#define ${NAME}_MAP_WIDTH $width
#define ${NAME}_SCORES (${NAME}_MAP_HEIGHT * ${NAME}_MAP_WIDTH * ${NAME}_CLASSES)
""")


def _answer(program: Program, name: str) -> dict[str, str]:
    """What is said where a network answers on a map."""
    shape, function, name = program.network.answer, f"{name}_label", name.upper()
    units = [f"{unit:.17g}" for unit in program.network.score_units]
    told = f"{{ {', '.join(units)} }}" if len(units) > 1 else "".join(units)
    plural, at = ("S", ", at 1 ... M levels") if len(units) > 1 else ("", "")
    unit = f"#define {name}_UNIT{plural} {told} /* what 1 of a score is worth{at} */\n" if units else ""
    place = f"(y * {name}_MAP_WIDTH + x) * {name}_CLASSES" if shape.positions > 1 else ""
    if units:
        worth = f"{name}_UNITS[levels - 1]" if len(units) > 1 else f"{name}_UNIT"
        use = f"value k is scores[{place}{' + ' if place else ''}k] * {worth}"
    else:
        use = f"int label = {function}(scores{' + ' if place else ''}{place})"
    said = {"units": unit, "use": use}
    if shape.positions == 1:
        return said | {"scores": f"{name}_CLASSES", "map": "", "in_order": "", "of_place": ""}
    return said | {
        "scores": f"{name}_SCORES",
        "map": _MAP.substitute(NAME=name, height=shape.height, width=shape.width),
        "in_order": f" * They are those of {name}_MAP_HEIGHT x {name}_MAP_WIDTH places, classes fastest.\n",
        "of_place": " of a place",
    }


def _common(program: Program, name: str, digest: str) -> dict[str, object]:
    return {
        **_answer(program, name),
        "name": name,
        "NAME": name.upper(),
        "title": f"the network {re.sub(r'[^A-Za-z0-9_.-]', '_', program.network.name)} in C",
        "text": program.text,
        "digest": digest,
        "constant_bytes": program.constant_bytes,
        "memory_bytes": program.memory_bytes,
    }


def _levels_comment(program: Program) -> str:
    network = program.network
    if len(network.served) == 1:
        return f"not used; this network runs at {network.levels}."
    return f"m, 1 ... {network.levels}; any other number means {network.levels}."


def _serve(program: Program) -> str:
    levels = program.network.levels
    if len(program.network.served) == 1:
        return f"    levels = {levels};\n"
    return f"    if (levels < 1 || levels > {levels}) levels = {levels};\n"
