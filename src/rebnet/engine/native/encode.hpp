// Algorithm 1 on the sums of 64 rows at a time, for processors with AVX-512.
#pragma once

#include <immintrin.h>

#include "network.hpp"

namespace rebnet {

// The constants of `layer` with one set, and how its sums become bits: LEVELS is 0 where it is not known before.
template <int LEVELS, bool NARROW>
struct Algorithm1 {
  static constexpr int TILES = Tiles::ROWS / 16;

  Algorithm1(const Layer& layer, int set) : layer_levels(layer.levels_out), shift(layer.shift) {
    rests = layer.tiles.rests.data() + static_cast<std::size_t>(set) * layer.tiles.groups * Tiles::ROWS;
    const std::size_t steps = static_cast<std::size_t>(set) * layer.tiles.groups * (levels() - 1) * Tiles::ROWS;
    wide_steps = layer.tiles.encoder_steps.data() + steps;
    narrow_steps = layer.tiles.narrow_steps.data() + steps;
  }

  int levels() const { return LEVELS ? LEVELS : layer_levels; }

  // Calls take(level, rows whose bit is 0) for every level; `sums` are those of a group, thresholds taken off.
  template <typename Take>
  void operator()(int group, __m512i (&sums)[TILES], Take take) const {
    const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(group) * (levels() - 1) * Tiles::ROWS;
    if (LEVELS != 1 && shift) {
      const std::int32_t* rest = rests + group * Tiles::ROWS;
      for (int tile = 0; tile < TILES; tile++) sums[tile] = refined(sums[tile], rest + tile * 16);
    }
    __m512i low = _mm512_packs_epi32(sums[0], sums[1]), high = _mm512_packs_epi32(sums[2], sums[3]);
    if (NARROW) {
      const std::int16_t* step = narrow_steps + first;
      for (int level = 0;; level++, step += Tiles::ROWS) {
        take(level, _mm512_movepi8_mask(_mm512_packs_epi16(low, high)));
        if (level + 1 == levels()) return;
        low = next16(low, step);
        high = next16(high, step + 32);
      }
    }
    const std::int32_t* step = wide_steps + first;
    for (int level = 0;; level++, step += Tiles::ROWS) {
      take(level, _mm512_movepi8_mask(_mm512_packs_epi16(low, high)));
      if (level + 1 == levels()) return;
      for (int tile = 0; tile < TILES; tile++) sums[tile] = next32(sums[tile], step + tile * 16);
      low = _mm512_packs_epi32(sums[0], sums[1]);
      high = _mm512_packs_epi32(sums[2], sums[3]);
    }
  }

  __m512i refined(__m512i sums, const std::int32_t* rest) const {
    return _mm512_add_epi32(_mm512_slli_epi32(sums, static_cast<unsigned>(shift)), _mm512_load_si512(rest));
  }

  static __m512i next16(__m512i residuals, const std::int16_t* steps) {
    const __m512i step = _mm512_load_si512(steps);
    const __m512i lower = _mm512_sub_epi16(residuals, step);
    return _mm512_mask_add_epi16(lower, _mm512_movepi16_mask(residuals), residuals, step);
  }

  static __m512i next32(__m512i residuals, const std::int32_t* steps) {
    const __m512i step = _mm512_load_si512(steps);
    const __m512i lower = _mm512_sub_epi32(residuals, step);
    return _mm512_mask_add_epi32(lower, _mm512_movepi32_mask(residuals), residuals, step);
  }

  int layer_levels, shift;
  const std::int32_t* rests;
  const std::int32_t* wide_steps;
  const std::int16_t* narrow_steps;
};

// How a layer's sums become bits, as a type.
template <int levels, bool narrow>
struct Kind {
  static constexpr int LEVELS = levels;
  static constexpr bool NARROW = narrow;
};

// choose(Kind) of a layer of codes: its own levels up to three.
template <typename Choose>
auto by_levels(const Layer& layer, Choose choose) {
  const bool narrow = layer.tiles.narrow;
  switch (layer.levels_out) {
    case 1:
      return narrow ? choose(Kind<1, true>{}) : choose(Kind<1, false>{});
    case 2:
      return narrow ? choose(Kind<2, true>{}) : choose(Kind<2, false>{});
    case 3:
      return narrow ? choose(Kind<3, true>{}) : choose(Kind<3, false>{});
    default:
      return narrow ? choose(Kind<0, true>{}) : choose(Kind<0, false>{});
  }
}

}  // namespace rebnet
