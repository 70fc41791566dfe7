// What one core, or several, can do at most: tight loops over registers, nothing read or written.
//
//   peak SECONDS CORE...      one thread on each core; prints "name operations/s" for each kernel that was compiled in
//
// A multiplication and an addition are two operations, of one bit or of one number.
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

constexpr int REPEATS = 4096;
constexpr int CHAINS = 8;  // independent sums, to hide an instruction's latency

using Kernel = std::uint64_t (*)();  // runs for a while; returns the operations done

#if defined(__AVX512VPOPCNTDQ__)
std::uint64_t count_bits() {
  __m512i sums[CHAINS], word = _mm512_set1_epi64(0x5a5a5a5a5a5a5a5a);
#pragma GCC unroll 8
  for (int chain = 0; chain < CHAINS; chain++) sums[chain] = _mm512_set1_epi64(chain);
  for (int repeat = 0; repeat < REPEATS; repeat++) {
#pragma GCC unroll 8
    for (int chain = 0; chain < CHAINS; chain++) {
      __m512i compared = _mm512_xor_si512(word, sums[(chain + 1) % CHAINS]);
      sums[chain] = _mm512_add_epi64(sums[chain], _mm512_popcnt_epi64(compared));
    }
  }
#pragma GCC unroll 8
  for (int chain = 0; chain < CHAINS; chain++) asm volatile("" ::"v"(sums[chain]));
  return 2ull * 512 * CHAINS * REPEATS;
}
#else
std::uint64_t count_bits() {
  std::uint64_t sums[CHAINS] = {1, 2, 3, 4, 5, 6, 7, 8};
  for (int repeat = 0; repeat < REPEATS; repeat++)
    for (int chain = 0; chain < CHAINS; chain++)
      sums[chain] += __builtin_popcountll(0x5a5a5a5a5a5a5a5a ^ sums[(chain + 1) % CHAINS]);
  for (int chain = 0; chain < CHAINS; chain++) asm volatile("" ::"r"(sums[chain]));
  return 2ull * 64 * CHAINS * REPEATS;
}
#endif

#if defined(__AVX2__)
// As an instruction set counts bits that has no count: 32 rows of four weights look up how many differ.
std::uint64_t look_up_bits() {
  __m256i sums[CHAINS], weights = _mm256_set1_epi8(5), table = _mm256_set1_epi8(1);
#pragma GCC unroll 8
  for (auto& sum : sums) sum = _mm256_setzero_si256();
  for (int repeat = 0; repeat < REPEATS; repeat++)
#pragma GCC unroll 8
    for (int chain = 0; chain < CHAINS; chain++) {
      asm volatile("" : "+x"(weights));  // or it is looked up once
      sums[chain] = _mm256_add_epi8(sums[chain], _mm256_shuffle_epi8(table, weights));
      asm volatile("" : "+x"(sums[chain]));
    }
  return 2ull * 4 * 32 * CHAINS * REPEATS;
}
#endif

#if defined(__AVX512VNNI__)
std::uint64_t multiply_bytes() {
  __m512i sums[2 * CHAINS], left = _mm512_set1_epi8(3), right = _mm512_set1_epi8(-2);
#pragma GCC unroll 16
  for (auto& sum : sums) sum = _mm512_setzero_si512();
  for (int repeat = 0; repeat < REPEATS; repeat++)
#pragma GCC unroll 16
    for (int chain = 0; chain < 2 * CHAINS; chain++) {
      sums[chain] = _mm512_dpbusd_epi32(sums[chain], left, right);
      asm volatile("" : "+v"(sums[chain]));  // the chains are equal: without this, one is computed
    }
#pragma GCC unroll 16
  for (auto& sum : sums) asm volatile("" ::"v"(sum));
  return 2ull * 64 * 2 * CHAINS * REPEATS;
}
#endif

#if defined(__AMX_INT8__)
struct alignas(64) Tiles {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

std::uint64_t multiply_tiles() {
  thread_local bool ready = false;
  if (!ready) {
    constexpr int request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM
    if (syscall(SYS_arch_prctl, request, tile_data) != 0) return 0;
    Tiles tiles;
    for (int tile = 0; tile < 8; tile++) tiles.row_bytes[tile] = 64, tiles.rows[tile] = 16;
    asm volatile("" ::"r"(&tiles) : "memory");  // g++ 12 takes the next line to read 8 bytes and drops other stores
    _tile_loadconfig(&tiles);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
    ready = true;
  }
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 5, 6);
    _tile_dpbusd(2, 4, 7);
    _tile_dpbusd(3, 5, 7);
  }
  return 2ull * 16 * 16 * 64 * 4 * REPEATS;
}
#endif

#if defined(__AVX512F__)
std::uint64_t multiply_floats() {
  __m512 sums[2 * CHAINS], left = _mm512_set1_ps(0.5f), right = _mm512_set1_ps(0.25f);
#pragma GCC unroll 16
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (int repeat = 0; repeat < REPEATS; repeat++)
#pragma GCC unroll 16
    for (int chain = 0; chain < 2 * CHAINS; chain++) {
      sums[chain] = _mm512_fmadd_ps(left, right, sums[chain]);
      asm volatile("" : "+v"(sums[chain]));
    }
  return 2ull * 16 * 2 * CHAINS * REPEATS;
}
#endif

double measure(Kernel kernel, double seconds, const std::vector<int>& cores) {
  std::atomic<std::uint64_t> total{0};
  std::vector<std::thread> threads;
  for (int core : cores)
    threads.emplace_back([&, core] {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(core, &set);
      pthread_setaffinity_np(pthread_self(), sizeof set, &set);
      using Clock = std::chrono::steady_clock;
      const auto start = Clock::now();
      double best = 0;  // of many short whiles: others may use this core too
      for (auto begin = start; begin - start < std::chrono::duration<double>(seconds);) {
        std::uint64_t done = 0;
        for (int group = 0; group < 16; group++) done += kernel();
        const auto end = Clock::now();
        best = std::max(best, done / std::chrono::duration<double>(end - begin).count());
        begin = end;
      }
      total += static_cast<std::uint64_t>(best);
    });
  for (auto& thread : threads) thread.join();
  return static_cast<double>(total.load());
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const double seconds = std::atof(arguments[1]);
  std::vector<int> cores;
  for (int index = 2; index < count; index++) cores.push_back(std::atoi(arguments[index]));
  const auto print = [&](const char* name, Kernel kernel) {
    std::printf("%s %.6e\n", name, measure(kernel, seconds, cores));
    std::fflush(stdout);
  };
  print("bits_popcount", count_bits);
#if defined(__AVX2__)
  print("bits_avx2_lookup", look_up_bits);
#endif
#if defined(__AVX512VNNI__)
  print("int8_vnni", multiply_bytes);
#endif
#if defined(__AMX_INT8__)
  print("int8_amx", multiply_tiles);
#endif
#if defined(__AVX512F__)
  print("fp32_fma", multiply_floats);
#endif
}
