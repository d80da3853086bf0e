// Runs launches of the kernels on the CPU: reads memory and launches from standard input, writes the memory to standard output.
//
// In: seed (u64), words of memory (u32), the memory; then the number of launches, and of each: the length of the kernel's name and
// the name, blocks, threads, bytes of shared memory, bytes of arguments and these, the number of pointers among them and the
// places at which they lie, as offsets into the memory. Out: the length of an error and the error, 0 for none; then the memory.
// A seed of 0 runs blocks and threads in their order, any other shuffles them.
#include "cuda_on_cpu.h"

#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

Index threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr unsigned WARP = 32;
constexpr unsigned MOST_THREADS = 1024;
constexpr std::size_t STACK = 64 * 1024;
// What shared memory holds before it is written: a NaN that no computation makes.
constexpr std::uint32_t UNWRITTEN = 0x7fbadbad;
// Words behind the shared memory that nobody may touch.
constexpr std::size_t FENCE = 64;

enum class State { READY, AT_BARRIER, AT_SHUFFLE, DONE };

struct Fiber {
    ucontext_t context;
    // Not zeroed: most of it is never touched.
    std::unique_ptr<char[]> stack{new char[STACK]};
    State state = State::DONE;
    std::uint64_t shown = 0;
};

struct Kernel {
    std::size_t size;
    host::Run run;
};

std::map<std::string, Kernel>& kernels() {
    static std::map<std::string, Kernel> known;
    return known;
}

std::vector<std::unique_ptr<Fiber>> fibers;
ucontext_t scheduler;
std::vector<float4> shared_memory;
const Kernel* kernel;
const void* arguments;
std::mt19937_64 chance;
bool shuffles;

void run_thread() {
    kernel->run(arguments);
    fibers[threadIdx.x]->state = State::DONE;
}

void give_way(State state) {
    const Index thread = threadIdx;
    Fiber& fiber = *fibers[thread.x];
    fiber.state = state;
    swapcontext(&fiber.context, &scheduler);
}

std::vector<unsigned> order(unsigned count) {
    std::vector<unsigned> numbers(count);
    std::iota(numbers.begin(), numbers.end(), 0u);
    if (shuffles) {
        std::shuffle(numbers.begin(), numbers.end(), chance);
    }
    return numbers;
}

unsigned count(unsigned first, unsigned end, State state) {
    unsigned found = 0;
    for (unsigned thread = first; thread < end; thread++) {
        found += fibers[thread]->state == state;
    }
    return found;
}

// Lets those go on who waited for the others, now that these are there. False where nobody can.
bool release() {
    const unsigned threads = blockDim.x;
    bool some = false;
    for (unsigned first = 0; first < threads; first += WARP) {
        const unsigned end = std::min(first + WARP, threads);
        if (end - first == WARP && count(first, end, State::AT_SHUFFLE) == WARP) {
            some = true;
            for (unsigned thread = first; thread < end; thread++) {
                fibers[thread]->state = State::READY;
            }
        }
    }
    if (count(0, threads, State::AT_BARRIER) == threads) {
        some = true;
        for (unsigned thread = 0; thread < threads; thread++) {
            fibers[thread]->state = State::READY;
        }
    }
    return some;
}

void run_block(unsigned block, std::size_t shared_bytes) {
    blockIdx = {block, 0, 0};
    const std::size_t words = (shared_bytes + 3) / 4 + FENCE;
    shared_memory.resize((words + 3) / 4);
    auto* const first_word = reinterpret_cast<std::uint32_t*>(shared_memory.data());
    std::fill_n(first_word, words, UNWRITTEN);
    for (unsigned thread = 0; thread < blockDim.x; thread++) {
        Fiber& fiber = *fibers[thread];
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = STACK;
        fiber.context.uc_link = &scheduler;
        makecontext(&fiber.context, run_thread, 0);
        fiber.state = State::READY;
    }
    do {
        for (const unsigned thread : order(blockDim.x)) {
            if (fibers[thread]->state == State::READY) {
                threadIdx = {thread, 0, 0};
                swapcontext(&scheduler, &fibers[thread]->context);
            }
        }
    } while (release());
    if (count(0, blockDim.x, State::DONE) != blockDim.x) {
        throw std::runtime_error("threads wait for others that do not come");
    }
    if (std::any_of(first_word + words - FENCE, first_word + words, [](auto word) { return word != UNWRITTEN; })) {
        throw std::runtime_error("written behind the shared memory");
    }
}

void read_bytes(void* to, std::size_t bytes) {
    if (std::fread(to, 1, bytes, stdin) != bytes) {
        throw std::runtime_error("the input ends early");
    }
}

std::uint32_t read_word() {
    std::uint32_t word;
    read_bytes(&word, sizeof word);
    return word;
}

void run_launch(std::vector<std::uint64_t>& memory) {
    std::string name(read_word(), ' ');
    read_bytes(name.data(), name.size());
    const std::uint32_t blocks = read_word(), threads = read_word(), shared_bytes = read_word(), size = read_word();
    std::vector<std::uint64_t> given((size + 7) / 8);
    read_bytes(given.data(), size);
    for (std::uint32_t pointers = read_word(); pointers > 0; pointers--) {
        const std::uint32_t place = read_word();
        const auto base = reinterpret_cast<std::uintptr_t>(memory.data());
        given.at(place / 8) += base;
    }
    const auto found = kernels().find(name);
    if (found == kernels().end()) {
        throw std::runtime_error("no kernel `" + name + "`");
    }
    kernel = &found->second;
    arguments = given.data();
    try {
        if (kernel->size != size) {
            throw std::runtime_error("takes " + std::to_string(kernel->size) + " bytes of arguments, not " + std::to_string(size));
        }
        if (threads == 0 || threads > MOST_THREADS || threads % WARP != 0) {
            throw std::runtime_error(std::to_string(threads) + " threads are not whole warps up to 1024 threads");
        }
        blockDim = {threads, 1, 1};
        gridDim = {blocks, 1, 1};
        while (fibers.size() < threads) {
            fibers.push_back(std::make_unique<Fiber>());
        }
        for (const unsigned block : order(blocks)) {
            run_block(block, shared_bytes);
        }
    } catch (const std::exception& error) {
        throw std::runtime_error("kernel `" + name + "`: " + error.what());
    }
}

}  // namespace

namespace host {

void wait_for_block() { give_way(State::AT_BARRIER); }

void wait_for_warp() { give_way(State::AT_SHUFFLE); }

std::uint64_t& shown(unsigned thread) { return fibers[thread]->shown; }

float* dynamic_shared() { return reinterpret_cast<float*>(shared_memory.data()); }

Registered::Registered(const char* name, std::size_t size, Run run) { kernels()[name] = {size, run}; }

}  // namespace host

int main() {
    std::vector<std::uint64_t> memory;
    std::string error;
    std::uint32_t words = 0;
    try {
        std::uint64_t seed;
        read_bytes(&seed, sizeof seed);
        chance.seed(seed);
        shuffles = seed != 0;
        words = read_word();
        memory.resize((static_cast<std::size_t>(words) + 1) / 2);
        read_bytes(memory.data(), static_cast<std::size_t>(words) * 4);
        for (std::uint32_t launches = read_word(); launches > 0; launches--) {
            run_launch(memory);
        }
    } catch (const std::exception& found) {
        error = found.what();
    }
    const auto length = static_cast<std::uint32_t>(error.size());
    std::fwrite(&length, sizeof length, 1, stdout);
    std::fwrite(error.data(), 1, error.size(), stdout);
    std::fwrite(memory.data(), 4, words, stdout);
    return std::fflush(stdout) == 0 ? 0 : 1;
}
