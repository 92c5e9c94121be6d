// A region's cycle in the fast engine: which PEs and routers are visited, and when again.
#include "region.h"

#include <algorithm>

#include "solo.h"
#include "step.h"

namespace wafersim::fast {

FastRegion::FastRegion(const Wafer& wafer, uint32_t first, uint32_t last, const Call& call)
    : Region(wafer, first, last), call_(call), due_(first, last - first) {
    find_edges();
}

void FastRegion::start(FastRegion* above, FastRegion* below) {
    above_ = above;
    below_ = below;
    const auto width = static_cast<uint32_t>(image_.width);
    if (above) north_.emplace(first_, image_.width, machine_.fabric.router_queue);
    if (below) south_.emplace(last_ - width, image_.width, machine_.fabric.router_queue);
    for (uint32_t column = 0; column < width; ++column) {
        if (above) north_->know(column, arrivals_of(routers_[first_ - width + column], side_south));
        if (below) south_->know(column, arrivals_of(routers_[last_ + column], side_north));
    }
    for (uint32_t i = first_; i < last_; ++i) {
        wake_[i] = never;
        if (pes_[i].alive()) sleep_until(i, 0);
    }
}

void FastRegion::sleep_until(uint32_t pe, uint64_t cycle) {
    wake_[pe] = cycle;
    if (cycle != never) wheel_.add(env_.now, cycle, pe);
}

void FastRegion::wake(uint32_t pe, uint64_t cycle) {
    if (cycle < wake_[pe] && pes_[pe].alive()) sleep_until(pe, cycle);
}

uint64_t FastRegion::next_wake() {
    return wheel_.next(env_.now, [this](uint32_t pe, uint64_t cycle) { return wake_[pe] == cycle; });
}

void FastRegion::work(uint64_t cycle) noexcept {
    try {
        begin(cycle);
        next_cycle_ = false;
        plain_links_ = machine_.fabric.link_period <= 1;
        read_mail();
        visit_all();
        if (!env_.rerouted.empty()) tell_routes();
    } catch (...) {
        failure_ = std::current_exception();
    }
}

void FastRegion::work_routers(uint64_t cycle) {
    begin(cycle);
    next_cycle_ = false;
    plain_links_ = false;
    read_mail();
    visit_routers();
}

void FastRegion::work_pes() {
    visit_ramps();
    visit_pes();
    if (!env_.rerouted.empty()) tell_routes();
}

void FastRegion::read_mail() {
    if (north_) read_mail(*north_, *above_->south_, side_north);
    if (south_) read_mail(*south_, *below_->north_, side_south);
}

void FastRegion::read_mail(Border& ours, Border& theirs, Side side) {
    Mail& mail = theirs.last_box();
    ours.hear(mail);
    for (const Mail::Sent& sent : mail.sent) {
        const uint32_t router = ours.first() + sent.column;
        enter(router, *routers_[router].find(sent.wavelet.color), side, sent.wavelet);
    }
    mail.sent.clear();
    mail.taken.clear();
    mail.rerouted.clear();
}

void FastRegion::turn() {
    if (north_) north_->turn();
    if (south_) south_->turn();
}

// The regions beyond hear of colors that routers at the border have got, or swap from now on.
void FastRegion::tell_routes() {
    for (const uint32_t router : env_.rerouted) {
        if (north_ && north_->has(router)) north_->reroute(router, arrivals_of(routers_[router], side_north));
        if (south_ && south_->has(router)) south_->reroute(router, arrivals_of(routers_[router], side_south));
    }
}

template <class F>
void FastRegion::guard(Phase phase, uint32_t number, F f) {
    try {
        phase_ = phase;
        f();
    } catch (const std::exception& error) {
        note(phase_, number, error);
    }
}

namespace {

// The state of a large mesh does not fit the caches, but who is visited next is known: their state is asked for some
// visits ahead, in the order in which one pointer leads to the next.
template <class F>
void with_lookahead(const std::vector<uint32_t>& queue, F f) {
    for (size_t k = 0; k < queue.size(); ++k) f(k, [&](size_t ahead) { return queue[std::min(k + ahead, queue.size() - 1)]; });
}

void prefetch(const void* p, size_t bytes) {
#pragma GCC unroll 4
    for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(static_cast<const char*>(p) + at);
}

void prefetch_parts(const Pe& pe) {
    each_bit(pe.running, [&](int thread) { __builtin_prefetch(&pe.run_of(thread)); });
    each_bit(pe.filled, [&](int channel) { __builtin_prefetch(&pe.channels[static_cast<size_t>(channel)]); });
    each_bit(pe.sending, [&](int queue) { __builtin_prefetch(&pe.outputs[static_cast<size_t>(queue)]); });
    if (pe.frames.empty()) return;
    __builtin_prefetch(&pe.frames.back());
    __builtin_prefetch(pe.registers.data());
}

void prefetch_elements(const Pe& pe) {
    each_bit(pe.running, [&](int thread) {
        const VecRun& run = pe.run_of(thread);
        if (run.flow > Flow::simple) __builtin_prefetch(pe.memory.data() + run.address);
        if (run.input != none) pe.channels[static_cast<size_t>(run.input)].wavelets.prefetch();
        if (run.output != none) pe.outputs[static_cast<size_t>(run.output)].wavelets.prefetch();
    });
}

void prefetch_wavelets(const Router& router) {
    each_bit(router.waiting_slots, [&](int slot) {
        const ColorState& color = router.colors[slot];
        each_bit(color.route.rx, [&](int side) {
            if (!color.empty(static_cast<Side>(side))) __builtin_prefetch(&color.front(static_cast<Side>(side)));
        });
    });
}

}  // namespace

void FastRegion::visit_routers() {
    queue_.clear();
    busy_routers_.each([this](uint32_t i) { queue_.push_back(i); });
    visits_ = queue_.size();
    for (const uint32_t i : queue_) guard(Phase::routers, i, [&] { visit_router(i); });
}

void FastRegion::visit_ramps() {
    busy_ramps_.each([this](uint32_t i) { guard(Phase::ramps, i, [&] { visit_ramp(i); }); });
}

void FastRegion::visit_pes() {
    take_due();
    queue_.clear();
    due_.take([this](uint32_t i) { queue_.push_back(i); });
    visits_ += queue_.size();
    for (const uint32_t i : queue_) guard(Phase::threads, i, [&] { visit(i); });
}

void FastRegion::take_due() {
    wheel_.take(env_.now, [this](uint32_t i) {
        if (wake_[i] <= env_.now) due_.add(i);
    });
}

// All phases in one pass, so that the state of a PE and its router is fetched once a cycle. What a PE does after its
// router must not be seen by routers that come later: only the main thread's code can change routes, so a PE with code to
// run waits for the second pass. Nobody else's phases touch each other.
void FastRegion::visit_all() {
    take_due();
    queue_.clear();
    busy_routers_.each_of_any(busy_ramps_, due_, [this](uint32_t i) { queue_.push_back(i); });
    visits_ = queue_.size();
    later_.clear();
    with_lookahead(queue_, [this](size_t k, auto ahead) {
        prefetch_state(ahead(14), ahead(9), ahead(4));
        const uint32_t i = queue_[k];
        if (busy_routers_.contains(i)) guard(Phase::routers, i, [&] { visit_router(i); });
        if (busy_ramps_.contains(i)) guard(Phase::ramps, i, [&] { visit_ramp(i); });
        if (wake_[i] > env_.now) return;
        due_.remove(i);
        if (pes_[i].frames.empty()) guard(Phase::threads, i, [&] { visit(i); });
        else later_.push_back(i);
    });
    for (const uint32_t i : later_) guard(Phase::threads, i, [&] { visit(i); });
}

void FastRegion::prefetch_state(uint32_t far, uint32_t near, uint32_t next) const {
    prefetch(&routers_[far], 64);
    prefetch(&pes_[far], 256);
    prefetch_parts(pes_[near]);
    each_bit(routers_[near].waiting_slots, [&](int slot) { __builtin_prefetch(&routers_[near].colors[slot]); });
    prefetch_wavelets(routers_[next]);
    prefetch_elements(pes_[next]);
}

namespace {

// Pe::schedule would find something to do.
bool wants_scheduler(const Pe& pe) {
    if (!pe.pending.empty() || (pe.input_flush | pe.output_flush)) return true;
    const bool taken = !pe.frames.empty() || pe.busy(pe.main_thread()) || pe.main_ready > pe.env->now;
    return !taken && (pe.has_handlers() || ((pe.active | pe.filled) & ~pe.blocked));
}

}  // namespace

// The cycle of one PE: threads, then the scheduler, then the host's command, then how long to sleep.
void FastRegion::visit(uint32_t i) {
    Pe& pe = pes_[i];
    if (step(pe)) progress_ = true;
    phase_ = Phase::tasks;
    if (wants_scheduler(pe) && pe.schedule()) progress_ = true;
    else if (pe.has_commands && pe.command_due <= env_.now && pe.host_may_command()) command(i);
    if (pe.sending) busy_ramps_.add(i);
    if (may_run_ahead(pe)) run_ahead(pe, horizon(pe));
    rest(i, fast::next_wake(pe));
}

// After a visit. Most are due again in the next cycle: they need no place in the wheel.
void FastRegion::rest(uint32_t pe, uint64_t cycle) {
    if (cycle != env_.now + 1) return sleep_until(pe, cycle);
    wake_[pe] = cycle;
    due_.add(pe);
    next_cycle_ = true;
}

// The first cycle that this call of `run` may not come to, as far as the PE is concerned: a call that waits for a
// command which the PE has not completed goes on at least until its main thread is free.
uint64_t FastRegion::horizon(const Pe& pe) const {
    if (!env_.observers.empty()) return 0;
    if (!call_.awaits || call_.awaited[pe.running_ticket]) return call_.end;
    const bool waits = std::any_of(pe.commands.begin(), pe.commands.end(), [&](uint32_t n) { return call_.awaited[n]; });
    return waits ? call_.end : 0;
}

// Sleeping PEs have not looked at their activations; who looks at them from outside sees them as of now.
void FastRegion::settle(uint64_t now) {
    env_.now = now;
    for (uint32_t i = first_; i < last_; ++i) {
        if (wake_[i] == never) continue;  // it would not sleep for ever with activations to look at
        Pe& pe = pes_[i];
        pe.pending.erase_if([&](const PendingActivation& p) {
            if (p.due >= env_.now) return false;
            pe.active |= uint64_t{1} << p.id;
            return true;
        });
    }
}

}  // namespace wafersim::fast
