// Tables of what four numbers of a byte each add to a sum, by four weights, for AVX2 alone. Included by sums_avx2.hpp.
#pragma once

#include <array>

#include "encode_avx2.hpp"

namespace rebnet::REBNET_ISA {
namespace {

using Lane = std::array<std::uint8_t, 16>;

// Both lanes take the same of what stands in their own: numbers in the lower eight bytes, in the upper eight what is
// left of each, which a weight of +1 leaves out. Of four numbers from `first` on, word e is the sum of two from `place`
// on, by bits `place` and `place + 1` of e and of `above`.
constexpr Lane chosen(int first, int place, int above) {
  Lane found{};
  for (int byte = 0; byte < 16; byte++) {
    const int number = place + byte % 2, weights = byte / 2 | above;
    found[static_cast<std::size_t>(byte)] = static_cast<std::uint8_t>((weights >> number & 1) * 8 + first + number);
  }
  return found;
}
// [first / 4][by bits 0 and 1; by 2 and 3 of the first eight entries; of the others]
alignas(64) constexpr Lane CHOSEN[2][3] = {{chosen(0, 0, 0), chosen(0, 2, 0), chosen(0, 2, 8)},
                                           {chosen(4, 0, 0), chosen(4, 2, 0), chosen(4, 2, 8)}};
alignas(64) constexpr Lane EACH_BYTE[2] = {{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1},
                                           {2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3}};
constexpr long long EACH_BIT = static_cast<long long>(0x8040201008040201);

// Sixteen bytes in both lanes.
inline __m256i twice(const std::uint8_t* bytes) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes)));
}

// Of numbers up to `most`. A step is of 16 numbers, its tables 16 bytes for lower numbers, 16 for upper ones.
class TableMaker {
 public:
  static constexpr int NUMBERS = Lookups::BITS, BYTES = NUMBERS / 4 * Lookups::ENTRY;

  // Where the lower and the upper numbers of four stand in their step.
  static constexpr int lower(int nibble) { return nibble % 2 * 2 * Lookups::ENTRY + nibble / 2 * 16; }
  static constexpr int upper(int nibble) { return lower(nibble) + Lookups::ENTRY; }

  explicit TableMaker(int most)
      : complement_(_mm256_set_epi64x(-1, 0, -1, 0)),
        left_(_mm256_and_si256(complement_, _mm256_set1_epi8(static_cast<char>(most + 1)))) {}

  // Of two steps.
  void operator()(__m256i numbers, std::uint8_t* tables) const {
    make(_mm256_permute4x64_epi64(numbers, 0x50), tables);
    make(_mm256_permute4x64_epi64(numbers, 0xfa), tables + BYTES);
  }
  // Of one.
  void operator()(__m128i numbers, std::uint8_t* tables) const {
    make(_mm256_permute4x64_epi64(_mm256_castsi128_si256(numbers), 0x50), tables);
  }

 private:
  // Every lane has eight of the numbers twice.
  void make(__m256i numbers, std::uint8_t* tables) const {
    const __m256i ones = _mm256_set1_epi8(1), low = _mm256_set1_epi16((1 << Lookups::SUM_BITS) - 1);
    const __m256i all = _mm256_add_epi8(_mm256_xor_si256(numbers, complement_), left_);
    repeat<2>([&](auto half) REBNET_INLINE {
      const auto& by = CHOSEN[half];
      const auto sum = [&](int part) {
        return _mm256_maddubs_epi16(_mm256_shuffle_epi8(all, twice(by[part].data())), ones);
      };
      const __m256i first = sum(0), some = _mm256_add_epi16(first, sum(1)), others = _mm256_add_epi16(first, sum(2));
      __m256i* to = reinterpret_cast<__m256i*>(tables) + 2 * half;
      _mm256_store_si256(to, _mm256_packus_epi16(_mm256_and_si256(some, low), _mm256_and_si256(others, low)));
      _mm256_store_si256(to + 1, _mm256_packus_epi16(_mm256_srli_epi16(some, Lookups::SUM_BITS),
                                                     _mm256_srli_epi16(others, Lookups::SUM_BITS)));
    });
  }

  __m256i complement_, left_;
};

// What the planes of 64 channels add up to, a byte each.
class Weigher {
 public:
  Weigher(const Layer& layer, int set)
      : planes_(layer.planes_used[static_cast<std::size_t>(set)]), stride_(layer.plane_words) {
    const std::int64_t* gains = layer.gains.data() + static_cast<std::ptrdiff_t>(set) * layer.planes;
    for (int plane = 0; plane < planes_; plane++) gains_[plane] = _mm256_set1_epi8(static_cast<char>(gains[plane]));
  }

  // Half `half` of the channels of a word, which stands at `words` in its first plane.
  __m256i operator()(const Word* words, int half) const {
    const __m256i places = _mm256_load_si256(reinterpret_cast<const __m256i*>(EACH_BYTE)),
                  bits = _mm256_set1_epi64x(EACH_BIT);
    __m256i sums = _mm256_setzero_si256();
    for (int plane = 0; plane < planes_; plane++, words += stride_) {
      std::int32_t channels;
      std::memcpy(&channels, reinterpret_cast<const char*>(words) + 4 * half, sizeof channels);
      const __m256i bytes = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(channels), places), bits);
      sums = _mm256_add_epi8(sums, _mm256_and_si256(_mm256_cmpeq_epi8(bytes, bits), gains_[plane]));
    }
    return sums;
  }

 private:
  int planes_;
  std::ptrdiff_t stride_;
  __m256i gains_[MAX_PLANES];
};

}  // namespace
}  // namespace rebnet::REBNET_ISA
