// Sizes of the tiles of int8 matrix units.
#pragma once

#include "network.hpp"

namespace rebnet::amx {

constexpr int ROWS = 16, DEPTH = 64;  // of a tile: rows, and bytes of one
constexpr int MAX_LEVELS = 4;         // a code's byte comes from a table of sixteen
static_assert(TILE_PIXELS == 2 * ROWS);

}  // namespace rebnet::amx
