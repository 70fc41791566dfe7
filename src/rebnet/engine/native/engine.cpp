#include "engine.hpp"

#include <pthread.h>

#include <algorithm>
#include <stdexcept>
#include <system_error>

#if defined(REBNET_X86)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace rebnet {
namespace {

constexpr int LEAST_BATCH = 8;     // images for which reading weights as bytes pays
constexpr std::size_t ALONE = 64;  // images that a caller runs alone before it looks for the pool again

// Whether something becomes true within some tens of microseconds.
template <typename Condition>
bool soon(Condition condition) {
  for (int turn = 0; turn < 1000; turn++) {
    if (condition()) return true;
#if defined(REBNET_X86)
    __builtin_ia32_pause();
#else
    std::this_thread::yield();
#endif
  }
  return false;
}

// Forks between the process that loaded the engine and this one; asking costs no call of the system.
std::atomic<std::uint64_t> forks{0};
[[maybe_unused]] const int counted = pthread_atfork(nullptr, nullptr, [] { forks++; });

struct Choice {
  const char* name;
  bool here;
  RunImage run, run_steps;
};

#if defined(REBNET_X86)
// Whether the processor has int8 matrix units and the kernel lets this process use them.
bool has_amx() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(edx >> 24 & 1) || !(edx >> 25 & 1)) return false;
#if defined(__linux__)
  constexpr long ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18;
  static const bool allowed = syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
  return allowed;
#else
  return false;
#endif
}
#endif

std::vector<Choice> choices() {
  std::vector<Choice> found;
#if defined(REBNET_X86)
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni");
  found.push_back(
      {"amx", avx512 && __builtin_cpu_supports("avx512vbmi") && has_amx(), amx::run_image, avx512::run_steps});
  found.push_back({"avx512", avx512, avx512::run_image, avx512::run_steps});
  found.push_back({"avx2", static_cast<bool>(__builtin_cpu_supports("avx2")), avx2::run_image, avx2::run_steps});
#elif defined(REBNET_ARM)
  found.push_back({"neon", true, neon::run_image, neon::run_steps});
#endif
  found.push_back({"generic", true, generic::run_image, generic::run_steps});
  return found;
}

RunImage find(const std::string& name, bool branches) {
  for (const Choice& choice : choices()) {
    if (choice.here && name == choice.name) return branches ? choice.run_steps : choice.run;
  }
  throw std::invalid_argument("no instruction set " + name);
}

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const Choice& choice : choices()) {
    if (choice.here) names.emplace_back(choice.name);
  }
  return names;
}

Pool::Pool(int threads) {
  workers_.reserve(static_cast<std::size_t>(threads));
  try {
    for (int thread = 1; thread < threads; thread++) workers_.emplace_back([this, thread] { work(thread); });
  } catch (const std::system_error&) {  // a limit of the system: those that there are do all the work
  }
}

Pool::~Pool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  begin_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void Pool::run(const std::function<void(int)>& job) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    job_ = &job;
    running_ = static_cast<int>(workers_.size());
    round_++;
  }
  begin_.notify_all();
  job(0);
  const auto done = [this] { return running_ == 0; };
  if (soon(done)) return;
  std::unique_lock<std::mutex> lock(mutex_);
  end_.wait(lock, done);
}

void Pool::work(int thread) {
  std::uint64_t seen = 0;
  for (;;) {
    const std::function<void(int)>* job = nullptr;
    soon([&] { return round_ != seen; });
    {
      std::unique_lock<std::mutex> lock(mutex_);
      begin_.wait(lock, [&] { return stop_ || round_ != seen; });
      if (stop_) return;
      seen = round_;
      job = job_;
    }
    (*job)(thread);
    if (--running_ == 0) {
      const std::lock_guard<std::mutex> lock(mutex_);
      end_.notify_one();
    }
  }
}

Engine::Engine(Network network, int threads, const std::string& instruction_set, Kernel kernel)
    : network_(std::move(network)),
      name_(instruction_set),
      run_image_(find(instruction_set, !network_.steps.empty())),
      threads_(threads) {
  network_.kernel = kernel;
  lay_out(network_);
#if defined(REBNET_X86)
  if (run_image_ == amx::run_image) prepare_tiles(network_);
  if (run_image_ == avx2::run_image || run_image_ == avx2::run_steps) {
    prepare_encoding(network_);
    prepare_lookups(network_);
  }
  for (const RunImage grouped : {amx::run_image, avx512::run_image, avx512::run_steps}) {
    if (run_image_ == grouped) prepare_groups(network_);
  }
#endif
  auto crew = std::make_unique<Crew>(forks);
  crew->idle.push_back(std::make_unique<Workspace>(network_));
  crew_ = crew.release();
}

std::vector<std::string> Engine::kernels() const {
  std::vector<std::string> found;
  for (const Layer& layer : network_.layers) {
    const bool looked_up = layer.lookups.blocks > 0;
    found.emplace_back(layer.sums_planes(network_.sets - 1) ? "sums"
                       : layer.pixels                       ? "bytes"
                       : looked_up                          ? "planes"
                                                            : "bits");
  }
  return found;
}

Engine::~Engine() {
  const Crew* crew = crew_;
  if (crew->forks == forks) delete crew;
}

Engine::Crew& Engine::crew() {
  Crew* found = crew_;
  const std::uint64_t now = forks;
  if (found->forks == now) return *found;
  auto own = std::make_unique<Crew>(now);
  if (crew_.compare_exchange_strong(found, own.get())) return *own.release();
  return *found;  // another thread of this process was faster
}

void Engine::run(const std::uint8_t* images, std::ptrdiff_t stride, std::size_t count, int set,
                 const std::int32_t* sets, std::int64_t* scores) {
  Crew& crew = this->crew();
  std::unique_ptr<Workspace> own;
  {
    const std::lock_guard<std::mutex> lock(crew.mutex);
    if (!crew.idle.empty()) {
      own = std::move(crew.idle.back());
      crew.idle.pop_back();
    }
  }
  if (!own) own = std::make_unique<Workspace>(network_);
  for (std::size_t done = 0, some = 0; done < count; done += some) {
    some = count - done;
    std::unique_lock<std::mutex> pool(crew.busy, std::defer_lock);
    const bool pooled = threads_ > 1 && some > 1 && pool.try_lock();
    if (!pooled && threads_ > 1) some = std::min(some, ALONE);
    const Part part{images + static_cast<std::ptrdiff_t>(done) * stride,
                    stride,
                    some,
                    set,
                    sets == nullptr ? nullptr : sets + done,
                    scores + done * static_cast<std::size_t>(network_.scores)};
    if (pooled) {
      run_pooled(crew, *own, part);
    } else {
      run_part(*own, part);
    }
  }
  const std::lock_guard<std::mutex> lock(crew.mutex);
  crew.idle.push_back(std::move(own));
}

std::size_t Engine::together() const { return network_.batched ? Tiles::WINDOWS : 1; }

void Engine::run_pooled(Crew& crew, Workspace& own, const Part& part) {
  if (!crew.pool) crew.pool = std::make_unique<Pool>(threads_);
  const std::size_t threads = static_cast<std::size_t>(crew.pool->threads());
  while (crew.helpers.size() + 1 < threads) crew.helpers.push_back(std::make_unique<Workspace>(network_));
  const std::size_t share = (part.count + threads - 1) / threads;
  const std::size_t together = std::clamp<std::size_t>(share, 1, this->together());
  std::atomic<std::size_t> next{0};
  const std::function<void(int)> job = [&](int thread) {
    Workspace& space = thread == 0 ? own : *crew.helpers[static_cast<std::size_t>(thread) - 1];
    for (std::size_t first = next.fetch_add(together); first < part.count; first = next.fetch_add(together)) {
      const Part some{part.images + static_cast<std::ptrdiff_t>(first) * part.stride,
                      part.stride,
                      std::min(together, part.count - first),
                      part.set,
                      part.sets == nullptr ? nullptr : part.sets + first,
                      part.scores + first * static_cast<std::size_t>(network_.scores)};
      run_part(space, some);
    }
  };
  crew.pool->run(job);
}

void Engine::run_part(Workspace& space, const Part& part) {
  const std::size_t together = this->together();
  for (std::size_t first = 0, last = 0; first < part.count; first = last) {  // images with the same set together
    const int own = part.sets == nullptr ? part.set : part.sets[first];
    last = first + 1;
    while (last < std::min(first + together, part.count) && (part.sets == nullptr || part.sets[last] == own)) last++;
    run_some(space, part.images + static_cast<std::ptrdiff_t>(first) * part.stride, part.stride,
             static_cast<int>(last - first), own, part.scores + first * static_cast<std::size_t>(network_.scores));
  }
}

void Engine::run_some(Workspace& space, const std::uint8_t* images, std::ptrdiff_t stride, int count, int set,
                      std::int64_t* scores) {
#if defined(REBNET_X86)
  if (network_.batched && count >= LEAST_BATCH) {
    return amx::run_batch(network_, space, images, stride, count, set, scores);
  }
#endif
  for (int image = 0; image < count; image++, images += stride, scores += network_.scores) {
    run_image_(network_, space, images, set, scores);
  }
}

}  // namespace rebnet
