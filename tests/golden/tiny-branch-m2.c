/* network.c: the network tiny in C
 *
 * 3x3x1 - 3 layers in branches - D2
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
 * Functions run one after the other. What one makes and another reads stands in memory->maps until the last of these is
 * done. Every operation below has a number; names of its constants and values end in it.
 *
 * Features are whole numbers, z = floor((A_c*(2*A - R) + B_c)/2^s) of a layer's sums, and what adds, joins and pools
 * make of these. A code of a feature is like that of a sum, with z in the place of A.
 *
 * run1: 1 n0: 3x3x1 - C2:2x2+same - 3x3x2
 * run2: 4 n3: 3x3x2 - C2:2x2+same - 3x3x2
 * run3: 7 n6: SumPool of 6
 * run4: 9 n8: 1x1x2 - D2 - 1x1x2 scores
 */
#include "network.h"

#include <string.h>

typedef network_score score;
typedef char int_is_wide_enough[sizeof(int) >= 4 ? 1 : -1];

/* -------- constants -------- */

/* 2 rows of 4 bits, words to a row: 1 */
static const uint32_t weights1[2] = {
    0x0000000e, 0x00000000,
};

/* g_1 ... g_2 of 2 sets */
static const int8_t gains1[4] = {
    2, 1, 2, 1,
};

/* R = 4 times the gains of 2 sets */
static const int8_t reach1[2] = {
    12, 12,
};

/* A_c of 2 sets */
static const int16_t scale2[4] = {
    25888, 23284, 25888, 23284,
};

/* B_c of 2 sets */
static const int32_t bias2[4] = {
    -67995, 1022, -67995, 1022,
};

/* t of every row of 2 sets */
static const int8_t thresholds3[4] = {
    0, 0, 0, 0,
};

/* d_1 ... d_(m-1) of every row of 2 sets */
static const int8_t steps3[2] = {
    5, 5,
};

/* 2 rows of 8 bits, words to a row: 1 */
static const uint32_t weights4[2] = {
    0x0000003c, 0x00000082,
};

/* g_1 ... g_2 of 2 sets */
static const int8_t gains4[4] = {
    19, 0, 19, 10,
};

/* R = 8 times the gains of 2 sets */
static const uint8_t reach4[2] = {
    152, 232,
};

/* A_c of 2 sets */
static const int16_t scale5[4] = {
    10707, 27012, 10707, 27012,
};

/* B_c of 2 sets */
static const int32_t bias5[4] = {
    634779, -423445, 634779, -423445,
};

/* t of every row of 2 sets */
static const int8_t thresholds8[4] = {
    0, 0, 0, 0,
};

/* d_1 ... d_(m-1) of every row of 2 sets */
static const int8_t steps8[2] = {
    39, 39,
};

/* 2 rows of 2 bits, words to a row: 1 */
static const uint32_t weights9[2] = {
    0x00000002, 0x00000002,
};

/* g_1 ... g_2 of 2 sets */
static const int8_t gains9[4] = {
    35, 0, 35, 15,
};

/* R = 2 times the gains of 2 sets */
static const int8_t reach9[2] = {
    70, 100,
};

/* A_j of 2 sets */
static const int16_t scale10[4] = {
    -32767, -24236, -32767, -24236,
};

/* B_j of 2 sets */
static const int32_t bias10[4] = {
    -657061, -496125, -657061, -496125,
};

typedef char constants_are_as_stated[
    sizeof weights1 +
    sizeof gains1 +
    sizeof reach1 +
    sizeof scale2 +
    sizeof bias2 +
    sizeof thresholds3 +
    sizeof steps3 +
    sizeof weights4 +
    sizeof gains4 +
    sizeof reach4 +
    sizeof scale5 +
    sizeof bias5 +
    sizeof thresholds8 +
    sizeof steps8 +
    sizeof weights9 +
    sizeof gains9 +
    sizeof reach9 +
    sizeof scale10 +
    sizeof bias10 == NETWORK_CONSTANT_BYTES ? 1 : -1];

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

/* floor(number / 2^places); C does not say what a negative number becomes that is shifted. */
static inline int32_t floored32(int32_t number, int places)
{
    return number < 0 ? ~(~number >> places) : number >> places;
}

/* -------- layers -------- */

/* 1 n0: 3x3x1 - C2:2x2+same - 3x3x2
 * 2 n1: Rescale of 1
 * 3 n2: Threshold of 2 */
static void run1(const uint8_t *image, network_memory *memory, int levels)
{
    for (int out_y = 0; out_y < 3; out_y++) {
        for (int out_x = 0; out_x < 3; out_x++) {
            const int position = out_y * 3 + out_x;
            const uint32_t *weights = weights1;
            const int8_t *gains = gains1 + (levels - 1) * 2;
            const int8_t *reach = reach1 + (levels - 1) * 1;
            const int16_t *scale_2 = scale2 + (levels - 1) * 2;
            const int32_t *bias_2 = bias2 + (levels - 1) * 2;
            const int8_t *thresholds_3 = thresholds3 + (levels - 1) * 2;
            const int8_t *steps_3 = steps3 + (levels - 1) * (levels - 2) / 2 * 2;
            clear(memory->window, 2);
            for (int ky = 0; ky < 2; ky++) {
                const int in_y = out_y + ky;
                if (in_y < 0 || in_y >= 3) continue;
                for (int kx = 0; kx < 2; kx++) {
                    const int in_x = out_x + kx;
                    if (in_x < 0 || in_x >= 3) continue;
                    for (int channel = 0; channel < 1; channel++)
                        append_sample(memory->window, 1, (ky * 2 + kx) * 1 + channel,
                                      image[(in_y * 3 + in_x) * 1 + channel], 2);
                }
            }
            uint32_t *code_3 = memory->maps.codes + position * 2;
            clear(code_3, levels * 1);
            for (int row = 0; row < 2; row++, weights += 1) {
                int32_t sum = 0; /* A */
                for (int plane = 0; plane < 2; plane++)
                    sum += gains[plane] * (4 - differing(weights, memory->window + plane * 1, 1));
                const int32_t z2 = floored32(scale_2[row] * (2 * sum - *reach) + bias_2[row], 14);
                memory->maps.bytes[72 + position * 2 + row] = (int8_t)z2;
                int32_t residual_3 = z2 * 2 - thresholds_3[row];
                for (int plane = 0; plane < levels; plane++) {
                    const uint32_t bit = (uint32_t)(residual_3 >= 0);
                    code_3[plane * 1 + row / 32] |= bit << (row % 32);
                    if (plane + 1 < levels) {
                        residual_3 = bit ? residual_3 - *steps_3 : residual_3 + *steps_3;
                        steps_3++;
                    }
                }
            }
        }
    }
}

/* 4 n3: 3x3x2 - C2:2x2+same - 3x3x2
 * 5 n4: Rescale of 4
 * 6 n5: Add of 5, 2 */
static void run2(network_memory *memory, int levels)
{
    for (int out_y = 0; out_y < 3; out_y++) {
        for (int out_x = 0; out_x < 3; out_x++) {
            const int position = out_y * 3 + out_x;
            const uint32_t *weights = weights4;
            const int8_t *gains = gains4 + (levels - 1) * 2;
            const uint8_t *reach = reach4 + (levels - 1) * 1;
            const int16_t *scale_5 = scale5 + (levels - 1) * 2;
            const int32_t *bias_5 = bias5 + (levels - 1) * 2;
            clear(memory->window, levels * 1);
            for (int ky = 0; ky < 2; ky++) {
                const int in_y = out_y + ky;
                if (in_y < 0 || in_y >= 3) continue;
                for (int kx = 0; kx < 2; kx++) {
                    const int in_x = out_x + kx;
                    if (in_x < 0 || in_x >= 3) continue;
                    append(memory->window, 1, (ky * 2 + kx) * 2,
                           memory->maps.codes + (in_y * 3 + in_x) * 2, 2, levels);
                }
            }
            for (int row = 0; row < 2; row++, weights += 1) {
                int32_t sum = 0; /* A */
                for (int plane = 0; plane < levels; plane++)
                    sum += gains[plane] * (8 - differing(weights, memory->window + plane * 1, 1));
                const int32_t z2 = memory->maps.bytes[72 + position * 2 + row];
                const int32_t z5 = floored32(scale_5[row] * (2 * sum - *reach) + bias_5[row], 19);
                const int32_t z6 = z5 + z2;
                memory->maps.bytes[72 + position * 2 + row] = (int8_t)z6;
            }
        }
    }
}

/* 7 n6: SumPool of 6
 * 8 n7: Threshold of 7 */
static void run3(network_memory *memory, int levels)
{
    const int8_t *thresholds_8 = thresholds8 + (levels - 1) * 2;
    const int8_t *steps_8 = steps8 + (levels - 1) * (levels - 2) / 2 * 2;
    uint32_t *code_8 = memory->maps.codes;
    clear(code_8, levels * 1);
    for (int row = 0; row < 2; row++) {
        int32_t z7 = 0;
        for (int place = 0; place < 9; place++)
            z7 += memory->maps.bytes[72 + place * 2 + row];
        int32_t residual_8 = z7 * 2 - thresholds_8[row];
        for (int plane = 0; plane < levels; plane++) {
            const uint32_t bit = (uint32_t)(residual_8 >= 0);
            code_8[plane * 1 + row / 32] |= bit << (row % 32);
            if (plane + 1 < levels) {
                residual_8 = bit ? residual_8 - *steps_8 : residual_8 + *steps_8;
                steps_8++;
            }
        }
    }
}

/* 9 n8: 1x1x2 - D2 - 1x1x2 scores
 * 10 n9: Scores of 9 */
static void run4(network_memory *memory, int levels, network_score *scores)
{
    const uint32_t *weights = weights9;
    const int8_t *gains = gains9 + (levels - 1) * 2;
    const int8_t *reach = reach9 + (levels - 1) * 1;
    const int16_t *scale = scale10 + (levels - 1) * 2;
    const int32_t *bias = bias10 + (levels - 1) * 2;
    clear(memory->window, levels * 1);
    for (int pixel = 0; pixel < 1; pixel++)
        append(memory->window, 1, pixel * 2, memory->maps.codes + pixel * 2, 2, levels);
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
    run1(image, memory, levels);
    run2(memory, levels);
    run3(memory, levels);
    run4(memory, levels, scores);
}

int network_label(const network_score scores[NETWORK_CLASSES])
{
    int label = 0;
    for (int row = 1; row < NETWORK_CLASSES; row++)
        if (scores[row] > scores[label]) label = row;
    return label;
}
