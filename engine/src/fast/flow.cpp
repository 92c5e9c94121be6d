// Which Flow an operation has, and one loop for each of them: the elements of a cycle.
#include "flow.h"

#include <algorithm>

#include "../ops/blocks.h"
#include "../plan.h"
#include "bulk.h"

namespace wafersim::fast {

namespace {

// ------------------------------------------------------------------------------------------------ elements

void count_elements(Pe& pe, VecRun& run, uint32_t count) {
    run.remaining -= count;
    run.next_tick += int64_t{run.plan->period} * count;
    pe.env->stats.vector_elements += count;
}

// Elements in memory of a send or receive, from the one that the run has come to on; each passes the function.
template <int words>
class Elements {
public:
    Elements(Pe& pe, const VecRun& run)
        : function_(run.plan->function), next_(pe.memory.data() + run.address), step_(run.plan->step) {}
    uint32_t read() {
        const uint32_t value = function_(ops::load_element<words>(next_), 0, 0);
        next_ += step_;
        return words == 1 ? value & 0xffff : value;
    }
    void write(uint32_t value) {
        ops::store_element<words>(next_, function_(words == 1 ? value & 0xffff : value, 0, 0));
        next_ += step_;
    }

private:
    uint32_t (*function_)(uint32_t, uint32_t, uint32_t);
    uint16_t* next_;
    std::ptrdiff_t step_;
};

void pass_over(Pe& pe, VecRun& run, uint32_t count) {
    run.address += run.plan->step * static_cast<int32_t>(count);
    count_elements(pe, run, count);
}

void send_data(Pe& pe, const VecRun& run, WaveletQueue& queue, uint32_t data) {
    queue.push(make_wavelet(data, run.color, run.plan->control, pe.env->now), *pe.arena);
}

WaveletQueue& begin_sending(Pe& pe, const VecRun& run) {
    pe.sending |= uint32_t{1} << run.output;
    return pe.outputs[static_cast<size_t>(run.output)].wavelets;
}

// Each of these: at least one element, and as many of `most` as inputs are there and outputs have room for.
template <int words, bool pairs>
void send(Pe& pe, VecRun& run, uint32_t most) {
    WaveletQueue& queue = begin_sending(pe, run);
    Elements<words> elements(pe, run);
    uint32_t done = 0;
    do {
        uint32_t data = elements.read();
        ++done;
        if (pairs && done < most) data |= elements.read() << 16, ++done;
        send_data(pe, run, queue, data);
    } while (done < most && !queue.full());
    pass_over(pe, run, done);
}

template <int words, bool pairs>
void receive(Pe& pe, VecRun& run, uint32_t most) {
    Elements<words> elements(pe, run);
    uint32_t done = 0;
    do {
        const uint32_t data = pe.take_wavelet(run.input).data;
        elements.write(data);
        ++done;
        if (pairs && done < most) elements.write(data >> 16), ++done;
    } while (done < most && flows(pe, run));
    pass_over(pe, run, done);
}

void pass_pairs(Pe& pe, VecRun& run, uint32_t most) {
    WaveletQueue& queue = begin_sending(pe, run);
    const auto through = [&](uint32_t value) { return run.plan->function(value & 0xffff, 0, 0) & 0xffff; };
    uint32_t done = 0;
    do {
        const uint32_t pair = pe.take_wavelet(run.input).data;
        uint32_t data = through(pair);
        ++done;
        if (done < most) data |= through(pair >> 16) << 16, ++done;
        send_data(pe, run, queue, data);
    } while (done < most && flows(pe, run));
    count_elements(pe, run, done);
}

void simple_element(Pe& pe, const VecRun& run, Plan& plan) {
    std::array<uint32_t, 3> values{};
    for (size_t i = 0; i < plan.sources; ++i) {
        Stream& s = plan.source[i];
        if (s.kind == StreamKind::scalar) {
            values[i] = s.scalar;
        } else if (s.kind == StreamKind::fabric_in) {
            const Wavelet wavelet = pe.take_wavelet(s.number);
            values[i] = s.words == 1 ? wavelet.data & 0xffff : wavelet.data;
        } else {
            values[i] = static_cast<uint32_t>(pe.memory.load(element_address(s), s.words));
            advance(s);
        }
    }
    const uint32_t result = plan.function(values[0], values[1], values[2]);
    if (plan.accumulator != none) plan.source[static_cast<size_t>(plan.accumulator)].scalar = result;
    pe.write_element(plan.dst, result, 0, run.remaining == 1 && !plan.infinite);
}

void simple_elements(Pe& pe, VecRun& run, uint32_t most) {
    Plan& plan = pe.own_plan(run);
    do {
        simple_element(pe, run, plan);
        count_elements(pe, run, 1);
    } while (--most > 0 && flows(pe, run));
}

using Advance = void (*)(Pe&, VecRun&, uint32_t most);

// By Flow, from `simple` on.
constexpr std::array<Advance, 9> advances{
    simple_elements, advance_elements,  pass_pairs,        send<1, false>,   send<2, false>,
    send<1, true>,   receive<1, false>, receive<2, false>, receive<1, true>,
};
static_assert(advances.size() == static_cast<size_t>(Flow::receive_pair) - static_cast<size_t>(Flow::simple) + 1);

// The next elements lie in their variables, and those of sends and receives in memory.
bool stays_inside(const Pe& pe, const VecRun& run, uint32_t count) {
    const Plan& plan = *run.plan;
    if (plan.inside || plan.places) return true;
    if (plan.bound - done_of(run) < count) return false;
    if (!sends(run.flow) && !receives(run.flow)) return true;
    const int64_t last = run.address + int64_t{plan.step} * (count - 1);
    const int words = run.flow == Flow::send32 || run.flow == Flow::receive32 ? 2 : 1;
    return pe.memory.holds(std::min<int64_t>(run.address, last), std::max<int64_t>(run.address, last) + words);
}

}  // namespace

void classify(const Pe& pe, VecRun& run) {
    if (run.flow != Flow::unknown) return;  // the program says it
    const Plan& plan = *run.plan;
    for (size_t i = 0; i < plan.sources; ++i)
        if (plan.source[i].kind == StreamKind::fabric_in) run.input = static_cast<int8_t>(plan.source[i].number);
    if (plan.dst.kind == StreamKind::fabric_out) run.output = static_cast<int8_t>(plan.dst.number);
    const Flow flow = flow_of(plan);
    run.flow = !moves(flow) && predictable(pe, run) ? Flow::memory : flow;
    run.address = sends(run.flow) ? plan.source[0].address : plan.dst.address;
}

void advance_run(Pe& pe, int thread, VecRun& run) {
    classify(pe, run);
    const Plan& plan = *run.plan;
    const uint32_t most = plan.infinite ? plan.group : std::min<uint32_t>(run.remaining, plan.group);
    // The functions of Pe know what to do where an operation leaves its variable, or memory.
    if (run.flow > Flow::general && !stays_inside(pe, run, most)) [[unlikely]] pe.make_general(run);
    if (run.flow == Flow::general) return pe.advance_run(thread);
    run.next_tick = std::max(run.next_tick, static_cast<int64_t>(pe.env->now) * ticks_per_cycle);
    advances[static_cast<size_t>(run.flow) - static_cast<size_t>(Flow::simple)](pe, run, most);
    if (plan.infinite || run.remaining > 0) return;
    run.next_tick += rest_of_lines(pe.env->machine, plan, done_of(run));
    pe.finish_run(thread);
}

}  // namespace wafersim::fast
