// Algorithm 1 on the sums of 32 rows at a time, for AVX2 alone. Included by lookups.hpp and pixels.hpp.
#pragma once

#include <immintrin.h>

#include <cstring>
#include <utility>

#include "network.hpp"

#define REBNET_INLINE __attribute__((always_inline))
#define REBNET_ALONE __attribute__((noinline))  // its registers are its own

namespace rebnet::REBNET_ISA {
namespace {

// Calls function(0) to function(COUNT - 1) with numbers that are types: what they index stays in registers.
template <typename Function, int... NUMBERS>
REBNET_INLINE inline void each_of(Function function, std::integer_sequence<int, NUMBERS...>) {
  (function(std::integral_constant<int, NUMBERS>{}), ...);
}
template <int COUNT, typename Function>
REBNET_INLINE inline void repeat(Function function) {
  each_of(function, std::make_integer_sequence<int, COUNT>{});
}

// The value stays in a register here, whatever the compiler would rather do.
REBNET_INLINE inline void pin(__m256i& value) { asm("" : "+x"(value)); }

inline __m256i vector_at(const void* place) { return _mm256_load_si256(static_cast<const __m256i*>(place)); }

// A of 32 rows less the threshold, in the order of Encoding::place_32.
struct Sums32 {
  __m256i part[4];

  // Take off what two planes counted, in the order of Encoding::place_16; `gains` are their own, in turns.
  void take(const __m256i (&first)[2], const __m256i (&second)[2], __m256i gains) {
    for (int half = 0; half < 2; half++) {
      const __m256i low = _mm256_unpacklo_epi16(first[half], second[half]),
                    high = _mm256_unpackhi_epi16(first[half], second[half]);
      part[2 * half] = _mm256_sub_epi32(part[2 * half], _mm256_madd_epi16(low, gains));
      part[2 * half + 1] = _mm256_sub_epi32(part[2 * half + 1], _mm256_madd_epi16(high, gains));
    }
  }
};

// The constants of `layer` with one set.
class Encode32 {
 public:
  Encode32(const Layer& layer, int set)
      : levels_(layer.levels_out), shift_(layer.shift), stride_(layer.out_words() * sizeof(Word)) {
    const Encoding& encoding = layer.encoding;
    const std::size_t rows = static_cast<std::size_t>(set) * encoding.blocks * Encoding::ROWS;
    narrow_ = encoding.narrow;
    single_ = levels_ == 1 && layer.planes_used[set] == 1;
    starts_ = encoding.starts.data() + rows;
    rests_ = encoding.rests.data() + rows;
    limits_ = encoding.limits.data() + rows;
    steps_ = encoding.steps.data() + rows * (levels_ - 1);
    half_steps_ = encoding.half_steps.data() + rows * (levels_ - 1);
  }

  // Whether a code is one bit of what one plane counts.
  bool single() const { return single_; }

  // Those of a block before anything is taken off.
  Sums32 start(int block) const {
    const std::int32_t* from = starts_ + block * Encoding::ROWS;
    return {{vector_at(from), vector_at(from + 8), vector_at(from + 16), vector_at(from + 24)}};
  }

  // The bits of a block, of what one plane counted.
  void compare(int block, const __m256i (&counts)[2], Word* pixel) const {
    const std::int16_t* limits = limits_ + block * Encoding::ROWS;
    const __m256i low = _mm256_cmpgt_epi16(counts[0], vector_at(limits)),
                  high = _mm256_cmpgt_epi16(counts[1], vector_at(limits + 16));
    store(low, high, reinterpret_cast<std::uint8_t*>(pixel) + block * 4);
  }

  // The codes of a block.
  void operator()(int block, Sums32 sums, Word* pixel) const {
    std::uint8_t* out = reinterpret_cast<std::uint8_t*>(pixel) + block * 4;
    __m256i low = packed(sums, 0), high = packed(sums, 1);
    store(low, high, out);
    if (levels_ == 1) return;
    if (shift_) {
      const std::int32_t* rests = rests_ + block * Encoding::ROWS;
      const __m128i shift = _mm_cvtsi32_si128(shift_);
      for (int part = 0; part < 4; part++) {
        sums.part[part] = _mm256_add_epi32(_mm256_sll_epi32(sums.part[part], shift), vector_at(rests + 8 * part));
      }
      low = packed(sums, 0), high = packed(sums, 1);
    }
    const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(block) * (levels_ - 1) * Encoding::ROWS;
    narrow_ ? go_on_16(low, high, half_steps_ + first, out) : go_on_32(sums, steps_ + first, out);
  }

 private:
  static __m256i packed(const Sums32& sums, int half) {
    return _mm256_packs_epi32(sums.part[2 * half], sums.part[2 * half + 1]);
  }

  // Bits of rows whose number is not negative.
  static void store(__m256i low, __m256i high, std::uint8_t* out) {
    const int bits = ~_mm256_movemask_epi8(_mm256_packs_epi16(low, high));
    std::memcpy(out, &bits, 4);
  }

  void go_on_16(__m256i low, __m256i high, const std::int16_t* steps, std::uint8_t* out) const {
    const __m256i one = _mm256_set1_epi16(1);
    for (int level = 1; level < levels_; level++, steps += Encoding::ROWS) {
      low = _mm256_sub_epi16(low, _mm256_sign_epi16(vector_at(steps), _mm256_or_si256(low, one)));
      high = _mm256_sub_epi16(high, _mm256_sign_epi16(vector_at(steps + 16), _mm256_or_si256(high, one)));
      store(low, high, out += stride_);
    }
  }

  void go_on_32(Sums32& sums, const std::int32_t* steps, std::uint8_t* out) const {
    const __m256i one = _mm256_set1_epi32(1);
    for (int level = 1; level < levels_; level++, steps += Encoding::ROWS) {
      for (int part = 0; part < 4; part++) {
        __m256i& sum = sums.part[part];
        sum = _mm256_sub_epi32(sum, _mm256_sign_epi32(vector_at(steps + 8 * part), _mm256_or_si256(sum, one)));
      }
      store(packed(sums, 0), packed(sums, 1), out += stride_);
    }
  }

  int levels_, shift_;
  bool narrow_, single_;
  std::size_t stride_;
  const std::int32_t* starts_;
  const std::int32_t* rests_;
  const std::int32_t* steps_;
  const std::int16_t* half_steps_;
  const std::int16_t* limits_;
};

}  // namespace
}  // namespace rebnet::REBNET_ISA
