// Eight numbers of 64 bits as two registers of AVX2. A vector of 64 bytes would be moved through memory in pieces of
// 16, which a load of 32 has to wait for. Included by lanes.hpp.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace rebnet::REBNET_ISA {
namespace {

struct Signed {
  __m256i part[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};

  std::int64_t operator[](int lane) const { return part[lane / 4][lane % 4]; }
};

template <typename Function>
inline Signed each(const Signed& left, const Signed& right, Function function) {
  return {{function(left.part[0], right.part[0]), function(left.part[1], right.part[1])}};
}

inline Signed operator+(const Signed& left, const Signed& right) {
  return each(left, right, [](__m256i a, __m256i b) { return _mm256_add_epi64(a, b); });
}
inline Signed operator-(const Signed& left, const Signed& right) {
  return each(left, right, [](__m256i a, __m256i b) { return _mm256_sub_epi64(a, b); });
}
inline Signed operator+(const Signed& left, std::int64_t right) {
  const __m256i all = _mm256_set1_epi64x(right);
  return left + Signed{{all, all}};
}
inline Signed& operator+=(Signed& left, const Signed& right) { return left = left + right; }
inline Signed& operator-=(Signed& left, const Signed& right) { return left = left - right; }

inline Signed operator<<(const Signed& value, int shift) {
  const __m128i count = _mm_cvtsi32_si128(shift);
  return {{_mm256_sll_epi64(value.part[0], count), _mm256_sll_epi64(value.part[1], count)}};
}
// Rounded down; the instruction set has no such shift of 64 bits.
inline Signed operator>>(const Signed& value, int shift) {
  const __m128i count = _mm_cvtsi32_si128(shift);
  const auto down = [&](__m256i numbers) {
    const __m256i signs = _mm256_cmpgt_epi64(_mm256_setzero_si256(), numbers);
    return _mm256_xor_si256(_mm256_srl_epi64(_mm256_xor_si256(numbers, signs), count), signs);
  };
  return {{down(value.part[0]), down(value.part[1])}};
}

// Bit i is set where lane i is not negative.
inline std::uint8_t not_negative(const Signed& value) {
  const int low = _mm256_movemask_pd(_mm256_castsi256_pd(value.part[0])),
            high = _mm256_movemask_pd(_mm256_castsi256_pd(value.part[1]));
  return static_cast<std::uint8_t>(~(low | high << 4));
}

// The residual behind a level: minus the step where it is not negative.
inline Signed next(const Signed& residual, const Signed& step) {
  return each(residual, step, [](__m256i value, __m256i size) {
    const __m256i minus = _mm256_cmpgt_epi64(value, _mm256_set1_epi64x(-1));
    return _mm256_add_epi64(value, _mm256_sub_epi64(_mm256_xor_si256(size, minus), minus));
  });
}

// Products of numbers that fit 32 bits, with their signs.
inline Signed product(const Signed& left, const Signed& right) {
  return each(left, right, [](__m256i a, __m256i b) { return _mm256_mul_epi32(a, b); });
}

inline Signed load(const std::int64_t* values) {
  const __m256i* from = reinterpret_cast<const __m256i*>(values);
  return {{_mm256_loadu_si256(from), _mm256_loadu_si256(from + 1)}};
}

inline Signed widened(__m256i part) {
  return {
      {_mm256_cvtepi32_epi64(_mm256_castsi256_si128(part)), _mm256_cvtepi32_epi64(_mm256_extracti128_si256(part, 1))}};
}

inline Signed load(const std::int32_t* values) {
  return widened(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(values)));
}

// The lower 32 bits of each.
inline void store(std::int32_t* values, const Signed& numbers) {
  const __m256i even = _mm256_shuffle_epi32(numbers.part[0], 0x88), odd = _mm256_shuffle_epi32(numbers.part[1], 0x88);
  const __m256i all = _mm256_permute4x64_epi64(_mm256_unpacklo_epi64(even, odd), 0xd8);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(values), all);
}

// Eight bytes.
inline Signed widened_bytes(std::uint64_t bytes) {
  const __m128i eight = _mm_cvtsi64_si128(static_cast<long long>(bytes));
  return {{_mm256_cvtepu8_epi64(eight), _mm256_cvtepu8_epi64(_mm_srli_si128(eight, 4))}};
}

}  // namespace
}  // namespace rebnet::REBNET_ISA
