"""Functions of C that layers call: bits that are counted, put in their places and compared."""

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

CLEAR = """\
static void clear(uint32_t *words, int count)
{
    memset(words, 0, (size_t)count * sizeof *words);
}
"""

APPEND_SAMPLE = """\
/* Puts the upper bits of a sample at `position` of each plane of a window; its words are 0 there. */
static inline void append_sample(uint32_t *window, int window_words, int position, uint8_t sample, int planes)
{
    window += position / 32;
    for (int plane = 0; plane < planes; plane++, window += window_words)
        *window |= ((uint32_t)sample >> (7 - plane) & 1u) << (position % 32);
}
"""

TABLED_SAMPLE = APPEND_SAMPLE.replace(
    "/* Puts the upper bits of a sample",
    "/* Puts the code that the table has of a sample",
).replace("    window +=", "    sample = pixel_table[sample];\n    window +=", 1)

APPEND = """\
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

APPEND_GROUPS = """\
/* Puts the code of a pixel, `channels` of it a group, at `position` of each group's window of each plane; its words
   are 0 there. */
static void append_groups(uint32_t *restrict window, int window_words, int groups, int position,
                          const uint32_t *restrict code, int channels, int levels)
{
    for (int plane = 0; plane < levels; plane++, code += (groups * channels + 31) / 32) {
        for (int group = 0; group < groups; group++, window += window_words) {
            for (int done = 0; done < channels;) {
                const int from = (group * channels + done) % 32, to = (position + done) % 32;
                int bits = channels - done;
                if (bits > 32 - from) bits = 32 - from;
                if (bits > 32 - to) bits = 32 - to;
                const uint32_t part = code[(group * channels + done) / 32] >> from;
                window[(position + done) / 32] |= (part & (0xffffffffu >> (32 - bits))) << to;
                done += bits;
            }
        }
    }
}
"""

LARGER = """\
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

LAST_ROW = """\
/* The last row of the map that a row of windows reads. */
static int last_row(int out_y, int stride, int kernel, int pad, int height)
{
    const int last = out_y * stride + kernel - 1 - pad;
    return last < height ? last : height - 1;
}
"""

FLOORED = """\
/* floor(number / 2^places); C does not say what a negative number becomes that is shifted. */
static inline {kind} floored{bits}({kind} number, int places)
{{
    return number < 0 ? ~(~number >> places) : number >> places;
}}
"""

_BY_NAME = {
    "differing": DIFFERING,
    "clear": CLEAR,
    "append_sample": APPEND_SAMPLE,
    "append": APPEND,
    "append_groups": APPEND_GROUPS,
    "larger": LARGER,
    "last_row": LAST_ROW,
    "floored32": FLOORED.format(kind="int32_t", bits=32),
    "floored64": FLOORED.format(kind="int64_t", bits=64),
}


def called(code: str, tabled: bool = False) -> tuple[str, ...]:
    """The functions that `code` calls; a compiler warns of others. Where pixels are `tabled`, codes are looked up."""
    texts = (text for name, text in _BY_NAME.items() if f"{name}(" in code)
    return tuple(TABLED_SAMPLE if tabled and text == APPEND_SAMPLE else text for text in texts)
