// Registers of an instruction set: rows side by side, counted, multiplied and compared. Included by run_image.cpp, once
// for each instruction set.
#pragma once

#include <cstring>

#include "network.hpp"

#if defined(__AVX2__) && !defined(__AVX512F__)
#include "signed_avx2.hpp"
#define REBNET_ALONE_AVX2
#elif defined(__AVX512F__)
#include <immintrin.h>
#elif defined(REBNET_NEON)
#include <arm_neon.h>
#endif

namespace rebnet::REBNET_ISA {
namespace {

#if !defined(REBNET_ALONE_AVX2)
typedef std::int64_t Signed __attribute__((vector_size(8 * LANES)));
#endif

// A register of the instruction set, and ones of its 64-bit lanes.
#if defined(__AVX512VPOPCNTDQ__)
typedef Word Register __attribute__((vector_size(64)));

inline Register popcount(Register value) {
  return reinterpret_cast<Register>(_mm512_popcnt_epi64(reinterpret_cast<__m512i>(value)));
}
#elif defined(__AVX2__)
typedef Word Register __attribute__((vector_size(32)));

inline Register popcount(Register value) {
  const __m256i table =
      _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(15), bytes = reinterpret_cast<__m256i>(value);
  const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(bytes, nibble));
  const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
  return reinterpret_cast<Register>(_mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256()));
}
#elif defined(REBNET_NEON)
typedef Word Register __attribute__((vector_size(16)));

inline Register popcount(Register value) {
  const uint8x16_t ones = vcntq_u8(reinterpret_cast<uint8x16_t>(value));
  return reinterpret_cast<Register>(vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(ones))));
}
#else
typedef Word Register;

inline Register popcount(Register value) { return static_cast<Word>(__builtin_popcountll(value)); }
#endif

// LANES rows in as many registers as they need.
struct Lanes {
  static constexpr int REGISTERS = 8 * LANES / sizeof(Register);
  Register part[REGISTERS];

  // Add the ones of what differs between the rows' weights and a word of a window.
  void count(const Lanes& weights, Word word) {
    for (int i = 0; i < REGISTERS; i++) part[i] += popcount(weights.part[i] ^ word);
  }
};

inline Lanes load(const Word* words) {
  Lanes value;
#if defined(REBNET_ALONE_AVX2)
  for (int i = 0; i < Lanes::REGISTERS; i++) {
    value.part[i] = reinterpret_cast<Register>(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words) + i));
  }
#else
  std::memcpy(&value, words, sizeof value);
#endif
  return value;
}

// Products of counts and gains, both below 2^32.
inline Signed times(const Lanes& lanes, const Signed& gain) {
#if defined(__AVX512F__)
  return reinterpret_cast<Signed>(
      _mm512_mul_epu32(reinterpret_cast<__m512i>(lanes.part[0]), reinterpret_cast<__m512i>(gain)));
#elif defined(REBNET_ALONE_AVX2)
  Signed products;
  for (int i = 0; i < 2; i++) {
    products.part[i] = _mm256_mul_epu32(reinterpret_cast<__m256i>(lanes.part[i]), gain.part[i]);
  }
  return products;
#else
  Signed counts;
  std::memcpy(&counts, &lanes, sizeof counts);
  return counts * gain;
#endif
}

#if !defined(REBNET_ALONE_AVX2)
// Bit i is set where lane i is not negative.
inline std::uint8_t not_negative(Signed value) {
#if defined(__AVX512DQ__)
  return static_cast<std::uint8_t>(~_mm512_movepi64_mask(reinterpret_cast<__m512i>(value)));
#else
  unsigned bits = 0;
  for (int lane = 0; lane < LANES; lane++) bits |= static_cast<unsigned>(value[lane] >= 0) << lane;
  return static_cast<std::uint8_t>(bits);
#endif
}

// The residual behind a level.
inline Signed next(Signed residual, Signed step) { return residual < 0 ? residual + step : residual - step; }

// Products of numbers that fit 32 bits, with their signs.
inline Signed product(Signed left, Signed right) {
#if defined(__AVX512F__)
  return reinterpret_cast<Signed>(_mm512_mul_epi32(reinterpret_cast<__m512i>(left), reinterpret_cast<__m512i>(right)));
#else
  return left * right;
#endif
}

inline Signed load(const std::int64_t* values) {
  Signed value;
  std::memcpy(&value, values, sizeof value);
  return value;
}

// Eight bytes.
inline Signed widened_bytes(Word bytes) {
  typedef std::uint8_t Bytes __attribute__((vector_size(LANES)));
  Bytes eight;
  std::memcpy(&eight, &bytes, sizeof eight);
  return __builtin_convertvector(eight, Signed);
}
#endif

#if defined(REBNET_ALONE_AVX2)
struct Sums {
  __m256i halves[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
};
#else
typedef std::int32_t Sums __attribute__((vector_size(64)));
#endif

constexpr int ROWS = 16;  // of Sums, one to a 32-bit lane

// Four bytes times four weights of each of 16 rows, added to their sums.
inline Sums multiply(Sums sums, const std::int8_t* weights, const std::uint8_t* bytes) {
  std::uint32_t quad;
  std::memcpy(&quad, bytes, 4);
#if defined(__AVX512VNNI__)
  return reinterpret_cast<Sums>(_mm512_dpbusd_epi32(
      reinterpret_cast<__m512i>(sums), _mm512_set1_epi32(static_cast<int>(quad)), _mm512_load_si512(weights)));
#elif defined(__AVX2__)
  const __m256i four = _mm256_set1_epi32(static_cast<int>(quad)), ones = _mm256_set1_epi16(1);
  for (int half = 0; half < 2; half++) {
    const __m256i pairs =
        _mm256_maddubs_epi16(four, _mm256_load_si256(reinterpret_cast<const __m256i*>(weights) + half));
    sums.halves[half] = _mm256_add_epi32(sums.halves[half], _mm256_madd_epi16(pairs, ones));
  }
  return sums;
#else
  for (int row = 0; row < ROWS; row++) {
    for (int byte = 0; byte < 4; byte++) sums[row] += weights[4 * row + byte] * bytes[byte];
  }
  return sums;
#endif
}

#if defined(REBNET_ALONE_AVX2)
// The first or second LANES sums.
inline Signed widened(const Sums& sums, int half) { return widened(sums.halves[half]); }
#else
typedef std::int32_t Half __attribute__((vector_size(4 * LANES)));

inline Signed widened(Half part) {
#if defined(__AVX512F__)
  return reinterpret_cast<Signed>(_mm512_cvtepi32_epi64(reinterpret_cast<__m256i>(part)));
#else
  return __builtin_convertvector(part, Signed);
#endif
}

// The first or second LANES sums.
inline Signed widened(Sums sums, int half) {
  Half part;
  std::memcpy(&part, reinterpret_cast<const char*>(&sums) + half * sizeof part, sizeof part);
  return widened(part);
}

inline Signed load(const std::int32_t* values) {
  Half part;
  std::memcpy(&part, values, sizeof part);
  return widened(part);
}

// The lower 32 bits of each.
inline void store(std::int32_t* values, Signed numbers) {
#if defined(__AVX512F__)
  const __m256i part = _mm512_cvtepi64_epi32(reinterpret_cast<__m512i>(numbers));
#else
  const Half part = __builtin_convertvector(numbers, Half);
#endif
  std::memcpy(values, &part, sizeof part);
}
#endif

}  // namespace
}  // namespace rebnet::REBNET_ISA
