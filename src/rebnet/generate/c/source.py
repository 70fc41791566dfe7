"""The header and the source of a network in C99."""

import re
from string import Template

from rebnet.generate.c.layers import layer_function, layer_text, prototype
from rebnet.generate.c.plan import Plan, network_text
from rebnet.generate.c.tables import Table, layer_tables, residual_type, score_type
from rebnet.ir.ops import Conv, Scores

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
 *     ${name}_score scores[${NAME}_CLASSES];
 *     ${name}_scores(image, 0, &memory, scores);
 *     int label = ${name}_label(scores);
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
#define ${NAME}_LEVELS $levels /* M */
#define ${NAME}_CONSTANT_BYTES $constant_bytes
#define ${NAME}_MEMORY_BYTES $memory_bytes

typedef $score ${name}_score; /* no score of any image leaves it */

typedef struct {
$members} ${name}_memory;

typedef char ${name}_memory_is_as_stated[sizeof(${name}_memory) == ${NAME}_MEMORY_BYTES ? 1 : -1];

/* Scores of an image of ${NAME}_HEIGHT x ${NAME}_WIDTH x ${NAME}_CHANNELS bytes, channels fastest.
 * levels: $levels_comment */
void ${name}_scores(const uint8_t *image, int levels, ${name}_memory *memory, ${name}_score scores[${NAME}_CLASSES]);

/* The first of the largest scores: 0 ... ${NAME}_CLASSES - 1. */
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
 *
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

void ${name}_scores(const uint8_t *image, int levels, ${name}_memory *memory, ${name}_score scores[${NAME}_CLASSES])
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

DIFFERING = """\
/* Bits in which two rows of words differ. */
#if defined(__GNUC__) && (defined(__POPCNT__) || defined(__aarch64__) || defined(__riscv_zbb))
static inline int32_t differing(const uint32_t *restrict left, const uint32_t *restrict right, int words)
{
    int32_t count = 0;
    int word = 0;
    for (; word + 1 < words; word += 2) {
        uint64_t a, b;
        memcpy(&a, left + word, sizeof a);
        memcpy(&b, right + word, sizeof b);
        count += __builtin_popcountll(a ^ b);
    }
    if (word < words) count += __builtin_popcount((unsigned)(left[word] ^ right[word]));
    return count;
}
#else
/* Ones of every four bits. */
static inline uint32_t nibbles(uint32_t bits)
{
    bits -= (bits >> 1) & 0x55555555u;
    return (bits & 0x33333333u) + ((bits >> 2) & 0x33333333u);
}

/* Three words are counted as two: their sums of bits, and what those carry. */
static inline int32_t differing(const uint32_t *restrict left, const uint32_t *restrict right, int words)
{
    uint32_t count = 0;
    while (words > 0) {
        uint32_t bytes = 0; /* of 30 words at most, so that each stays below 256 */
        int block = words < 30 ? words : 30;
        words -= block;
        for (; block >= 3; block -= 3, left += 3, right += 3) {
            const uint32_t a = left[0] ^ right[0], b = left[1] ^ right[1], c = left[2] ^ right[2], odd = a ^ b;
            const uint32_t sum = nibbles(odd ^ c) + 2 * nibbles((a & b) | (odd & c));
            bytes += (sum & 0x0f0f0f0fu) + ((sum >> 4) & 0x0f0f0f0fu);
        }
        for (; block > 0; block--) {
            const uint32_t sum = nibbles(*left++ ^ *right++);
            bytes += (sum + (sum >> 4)) & 0x0f0f0f0fu;
        }
        bytes = (bytes & 0x00ff00ffu) + ((bytes >> 8) & 0x00ff00ffu);
        count += (bytes & 0xffffu) + (bytes >> 16);
    }
    return (int32_t)count;
}
#endif
"""

_CLEAR = """\
static void clear(uint32_t *words, int count)
{
    memset(words, 0, (size_t)count * sizeof *words);
}
"""

_APPEND_SAMPLE = """\
/* Puts the upper bits of a sample at `position` of each plane of a window; its words are 0 there. */
static inline void append_sample(uint32_t *window, int window_words, int position, uint8_t sample, int planes)
{
    window += position / 32;
    for (int plane = 0; plane < planes; plane++, window += window_words)
        *window |= ((uint32_t)sample >> (7 - plane) & 1u) << (position % 32);
}
"""

_APPEND = """\
/* Puts the code of a pixel at `position` of each plane of a window; its words are 0 there. */
static void append(uint32_t *restrict window, int window_words, int position, const uint32_t *restrict code,
                   int channels, int levels)
{
    const int shift = position % 32;
    for (int plane = 0; plane < levels; plane++) {
        uint32_t *to = window + plane * window_words + position / 32;
        for (int left = channels; left > 0; left -= 32, to++) {
            const uint32_t bits = *code++;
            to[0] |= bits << shift;
            if (shift + (left < 32 ? left : 32) > 32) to[1] |= bits >> (32 - shift);
        }
    }
}
"""

_LARGER = """\
/* The larger of two codes, 32 channels at a time: the first plane in which they differ decides. */
static void larger(uint32_t *restrict best, const uint32_t *restrict code, int levels, int words)
{
    for (int word = 0; word < words; word++) {
        uint32_t above = 0, equal = 0xffffffffu;
        for (int place = word; place < levels * words; place += words) {
            above |= equal & code[place] & ~best[place];
            equal &= ~(code[place] ^ best[place]);
        }
        for (int place = word; place < levels * words; place += words)
            best[place] = (code[place] & above) | (best[place] & ~above);
    }
}
"""

_LAST_ROW = """\
/* The last row of the map that a row of windows reads. */
static int last_row(int out_y, int stride, int kernel, int pad, int height)
{
    const int last = out_y * stride + kernel - 1 - pad;
    return last < height ? last : height - 1;
}
"""


def tables_of(plan: Plan) -> dict[int, tuple[Table, ...]]:
    """The constants of each layer by its number."""
    return {layer.number: layer_tables(layer, plan.network.served) for layer in plan.layers}


def constant_bytes(tables: dict[int, tuple[Table, ...]]) -> int:
    """Bytes of all constants."""
    return sum(table.nbytes for group in tables.values() for table in group)


def header_text(plan: Plan, tables: dict[int, tuple[Table, ...]], name: str, digest: str) -> str:
    """NAME.h: what the network is, what it takes, and its two functions."""
    image = plan.network.input
    members = (f"    uint32_t {member}[{count}];\n" for member, count in plan.memory.items())
    return _HEADER.substitute(
        _common(plan, tables, name, digest),
        height=image.height,
        width=image.width,
        channels=image.channels,
        classes=plan.network.classes,
        levels=plan.network.levels,
        score=score_type(next(layer for layer in plan.layers if isinstance(layer.tail, Scores))),
        members="".join(members),
        levels_comment=_levels_comment(plan),
    )


def source_text(plan: Plan, tables: dict[int, tuple[Table, ...]], name: str, digest: str) -> str:
    """NAME.c: constants and code."""
    arrays = [table for group in tables.values() for table in group]
    sizes = (f"sizeof {table.name}" for table in arrays)
    residual = residual_type(plan.layers)
    pushed = [layer for layer in plan.layers if layer.pushed]
    prototypes = "".join(f"static void run{layer.number}({prototype(layer, name)});\n" for layer in pushed)
    functions = (layer_function(plan, layer, name, tables[layer.number], residual) for layer in plan.layers)
    return _SOURCE.substitute(
        _common(plan, tables, name, digest),
        input_bits=plan.network.input.bits,
        layers="".join(f" * {layer_text(layer)}\n" for layer in plan.layers),
        tables="\n".join(table.text(hexadecimal=table.name.startswith("weights")) for table in arrays),
        constants=" +\n    ".join(sizes),
        helpers="\n".join(_helpers(plan)),
        prototypes=prototypes + "\n" if prototypes else "",
        functions="\n".join(functions),
        serve=_serve(plan),
        calls="".join(_calls(plan)),
    )


def _common(plan: Plan, tables: dict[int, tuple[Table, ...]], name: str, digest: str) -> dict[str, object]:
    return {
        "name": name,
        "NAME": name.upper(),
        "title": f"the network {re.sub(r'[^A-Za-z0-9_.-]', '_', plan.network.name)} in C",
        "text": network_text(plan.network),
        "digest": digest,
        "constant_bytes": constant_bytes(tables),
        "memory_bytes": plan.memory_bytes,
    }


def _levels_comment(plan: Plan) -> str:
    network = plan.network
    if len(network.served) == 1:
        return f"not used; this network runs at {network.levels}."
    return f"m, 1 ... {network.levels}; any other number means {network.levels}."


def _helpers(plan: Plan) -> list[str]:
    """The functions that this network calls; a compiler warns of others."""
    helpers = [DIFFERING, _CLEAR, _APPEND_SAMPLE]
    if len(plan.layers) > 1:
        helpers.append(_APPEND)
    if any(layer.pool for layer in plan.layers):
        helpers.append(_LARGER)
    if any(layer.pushed for layer in plan.layers):
        helpers.append(_LAST_ROW)
    return helpers


def _serve(plan: Plan) -> str:
    levels = plan.network.levels
    if len(plan.network.served) == 1:
        return f"    levels = {levels};\n"
    return f"    if (levels < 1 || levels > {levels}) levels = {levels};\n"


def _calls(plan: Plan) -> list[str]:
    """The layers in order; convolutions on codes are called by the layer in front of them."""
    calls = []
    for layer in plan.layers:
        if layer.pushed:
            continue
        image = "image, " if layer.first else ""
        if isinstance(layer.dense, Conv):
            loop = f"    for (int out_y = 0; out_y < {layer.windows[0]}; out_y++)"
            calls.append(f"{loop} run{layer.number}({image}memory, levels, out_y);\n")
        elif isinstance(layer.tail, Scores):
            calls.append(f"    run{layer.number}({image}memory, levels, scores);\n")
        else:
            calls.append(f"    run{layer.number}({image}memory, levels);\n")
    return calls
