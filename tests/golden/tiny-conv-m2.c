/* network.c: the network tiny in C
 *
 * 3x3x1 - C2:2x2 - MP2 - D2
 *
 * Made by rebnet from network.json, SHA-256
 * (sha256).
 * C99, self-contained; network.h says how to call it and how much memory it takes.
 *
 * Weights and activations are +1 and -1, one bit each: 1 means +1. An activation of several levels is a bit in as many
 * planes, level 1 in the first. A layer counts, plane by plane, the bits in which a window and a row of weights agree
 * and sums A = g_1*p_1 + g_2*p_2 + ...; t and the steps turn A into the row's code: r = A - t; bit 1 is r >= 0; r loses
 * or gains a step, d_1, towards 0; bit 2 is r >= 0; and so on. Pixels are codes too, of 2 planes.
 *
 * layer1: 3x3x1 - C2:2x2 - MP2 - 1x1x2
 * layer2: 1x1x2 - D2 - 1x1x2 scores
 */
#include "network.h"

#include <string.h>

typedef network_score score;
typedef char int_is_wide_enough[sizeof(int) >= 4 ? 1 : -1];

/* -------- constants -------- */

/* 2 rows of 4 bits, words to a row: 1 */
static const uint32_t weights1[2] = {
    0x0000000d, 0x0000000b,
};

/* g_1 ... g_2 of 2 sets */
static const int8_t gains1[4] = {
    2, 1, 2, 1,
};

/* t of every row of 2 sets */
static const int8_t thresholds1[4] = {
    8, 0, 8, 0,
};

/* d_1 ... d_(m-1) of every row of 2 sets */
static const int8_t steps1[2] = {
    2, 4,
};

/* 2 rows of 2 bits, words to a row: 1 */
static const uint32_t weights2[2] = {
    0x00000002, 0x00000003,
};

/* g_1 ... g_2 of 2 sets */
static const int8_t gains2[4] = {
    3, 0, 3, 1,
};

/* R = 2 times the gains of 2 sets */
static const int8_t reach2[2] = {
    6, 8,
};

/* A_j of 2 sets */
static const int16_t scale2[4] = {
    32767, -16383, 32767, -16383,
};

/* B_j of 2 sets */
static const uint16_t bias2[4] = {
    32767, 65534, 32767, 65534,
};

typedef char constants_are_as_stated[
    sizeof weights1 +
    sizeof gains1 +
    sizeof thresholds1 +
    sizeof steps1 +
    sizeof weights2 +
    sizeof gains2 +
    sizeof reach2 +
    sizeof scale2 +
    sizeof bias2 == NETWORK_CONSTANT_BYTES ? 1 : -1];

/* -------- bits -------- */

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

static void clear(uint32_t *words, int count)
{
    memset(words, 0, (size_t)count * sizeof *words);
}

/* Puts the upper bits of a sample at `position` of each plane of a window; its words are 0 there. */
static inline void append_sample(uint32_t *window, int window_words, int position, uint8_t sample, int planes)
{
    window += position / 32;
    for (int plane = 0; plane < planes; plane++, window += window_words)
        *window |= ((uint32_t)sample >> (7 - plane) & 1u) << (position % 32);
}

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

/* -------- layers -------- */

/* layer1: 3x3x1 - C2:2x2 - MP2 - 1x1x2 */
static void run1(const uint8_t *image, network_memory *memory, int levels, int out_y)
{
    for (int out_x = 0; out_x < 2; out_x++) {
        const uint32_t *weights = weights1;
        const int8_t *gains = gains1 + (levels - 1) * 2;
        const int8_t *thresholds = thresholds1 + (levels - 1) * 2;
        const int8_t *steps = steps1 + (levels - 1) * (levels - 2) / 2 * 2;
        clear(memory->window, 2);
        for (int ky = 0; ky < 2; ky++) {
            const int in_y = out_y + ky;
            for (int kx = 0; kx < 2; kx++) {
                const int in_x = out_x + kx;
                for (int channel = 0; channel < 1; channel++)
                    append_sample(memory->window, 1, (ky * 2 + kx) * 1 + channel,
                                  image[(in_y * 3 + in_x) * 1 + channel], 2);
            }
        }
        uint32_t *code = memory->pixel;
        clear(code, levels * 1);
        for (int row = 0; row < 2; row++, weights += 1) {
            int32_t sum = 0; /* A */
            for (int plane = 0; plane < 2; plane++)
                sum += gains[plane] * (4 - differing(weights, memory->window + plane * 1, 1));
            int32_t residual = sum - thresholds[row];
            for (int plane = 0; plane < levels; plane++) {
                const uint32_t bit = (uint32_t)(residual >= 0);
                code[plane * 1 + row / 32] |= bit << (row % 32);
                if (plane + 1 < levels) {
                    residual = bit ? residual - *steps : residual + *steps;
                    steps++;
                }
            }
        }
        for (int pool_y = out_y / 2; pool_y >= 0 && out_y < pool_y * 2 + 2; pool_y--) {
            for (int pool_x = out_x / 2; pool_x >= 0 && out_x < pool_x * 2 + 2; pool_x--) {
                if (pool_y >= 1 || pool_x >= 1) continue;
                uint32_t *best = memory->map2 + (pool_y * 1 + pool_x) * 2;
                if (out_y == pool_y * 2 && out_x == pool_x * 2)
                    memcpy(best, code, sizeof(uint32_t) * (size_t)levels * 1);
                else
                    larger(best, code, levels, 1);
            }
        }
    }
}

/* layer2: 1x1x2 - D2 - 1x1x2 scores */
static void run2(network_memory *memory, int levels, network_score *scores)
{
    const uint32_t *weights = weights2;
    const int8_t *gains = gains2 + (levels - 1) * 2;
    const int8_t *reach = reach2 + (levels - 1) * 1;
    const int16_t *scale = scale2 + (levels - 1) * 2;
    const uint16_t *bias = bias2 + (levels - 1) * 2;
    clear(memory->window, levels * 1);
    for (int pixel = 0; pixel < 1; pixel++)
        append(memory->window, 1, pixel * 2, memory->map2 + pixel * 2, 2, levels);
    for (int row = 0; row < 2; row++, weights += 1) {
        int32_t sum = 0; /* A */
        for (int plane = 0; plane < levels; plane++)
            sum += gains[plane] * (2 - differing(weights, memory->window + plane * 1, 1));
        scores[row] = (score)scale[row] * (2 * sum - *reach) + bias[row];
    }
}

/* -------- the network -------- */

void network_scores(const uint8_t *image, int levels, network_memory *memory, network_score scores[NETWORK_CLASSES])
{
    if (levels < 1 || levels > 2) levels = 2;
    for (int out_y = 0; out_y < 2; out_y++) run1(image, memory, levels, out_y);
    run2(memory, levels, scores);
}

int network_label(const network_score scores[NETWORK_CLASSES])
{
    int label = 0;
    for (int row = 1; row < NETWORK_CLASSES; row++)
        if (scores[row] > scores[label]) label = row;
    return label;
}
