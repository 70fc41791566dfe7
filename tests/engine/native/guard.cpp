// Every allocation ends at a page that may not be touched: the processor itself reports what reads or writes behind it,
// also where a sanitizer does not look (tiles, masked vectors). Up to 15 bytes of slack: operator new aligns to 16.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

struct Block {
  char* base;
  std::size_t bytes;
};

std::size_t page() {
  static const std::size_t size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

// [closed page][pages that end with the memory][closed page]; where they are is written in front of the memory.
void* guarded(std::size_t bytes) {
  const std::size_t unit = 16, wanted = (bytes + unit - 1) / unit * unit + unit;
  const std::size_t inside = (wanted + page() - 1) / page() * page(), whole = inside + 2 * page();
  void* memory = mmap(nullptr, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  char* base = static_cast<char*>(memory);
  if (mprotect(base + page(), inside, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
  char* start = base + page() + inside - (wanted - unit);
  std::memset(base + page(), 0xa5, inside);  // what is read without having been written is not 0
  const Block block{base, whole};
  std::memcpy(start - unit, &block, sizeof block);
  return start;
}

void release(void* memory) {
  if (memory == nullptr) return;
  Block block{};
  std::memcpy(&block, static_cast<char*>(memory) - 16, sizeof block);
  if (munmap(block.base, block.bytes) != 0) std::abort();
}

}  // namespace

void* operator new(std::size_t bytes) { return guarded(bytes); }
void* operator new[](std::size_t bytes) { return guarded(bytes); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
