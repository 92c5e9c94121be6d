// The host: its commands to PEs, wavelets it sends into the fabric, and those it takes out.
#include <algorithm>

#include "wafersim/mesh.h"

namespace wafersim {

namespace {

using Kind = Ticket::Kind;

bool is_command(Kind kind) { return kind == Kind::launch || kind == Kind::copy_in || kind == Kind::copy_out; }
bool goes_in(Kind kind) { return kind == Kind::stream_in || kind == Kind::edge_send; }

uint64_t area(const Rect& r) { return static_cast<uint64_t>(r.w) * static_cast<uint64_t>(r.h); }

// Where the data of a copy has the PE's part.
size_t place_in(const Ticket& t, const Pe& pe) {
    return static_cast<size_t>((pe.y - t.rect.y) * t.rect.w + pe.x - t.rect.x) * t.words;
}

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

}  // namespace

void Mesh::check(const Ticket& t) const {
    const Rect& r = t.rect;
    if (r.x < 0 || r.y < 0 || r.w < 1 || r.h < 1 || r.x + r.w > image_.width || r.y + r.h > image_.height) {
        refuse("rectangle x=" + std::to_string(r.x) + " y=" + std::to_string(r.y) + " w=" + std::to_string(r.w) +
               " h=" + std::to_string(r.h) + " is outside of the " + std::to_string(image_.width) + " x " +
               std::to_string(image_.height) + " PEs");
    }
    if (is_command(t.kind) && t.per_program.size() != image_.programs.size())
        refuse("one entry for each program is needed");
    if (t.kind == Kind::launch) {
        for (size_t p = 0; p < t.per_program.size(); ++p) {
            if (t.per_program[p] >= static_cast<int>(image_.programs[p].functions.size()))
                refuse("no such function in program " + std::to_string(p));
        }
    }
    if (t.kind == Kind::copy_in && t.given.size() != area(r) * t.words) refuse("data do not fit the rectangle");
    if (goes_in(t.kind) && t.wavelets.size() != area(r) * t.words) refuse("data do not fit the rectangle");
    if (!t.controls.empty() && t.controls.size() != t.wavelets.size())
        refuse("one control flag for each wavelet is needed");
    if (!is_command(t.kind) && (t.color < 0 || t.color >= machine_.colors.count))
        refuse("color " + std::to_string(t.color) + " does not exist");
    if ((t.kind == Kind::edge_send || t.kind == Kind::edge_receive)) {
        const auto number = static_cast<uint32_t>(r.y * image_.width + r.x);
        if (t.side == side_ramp || t.side == side_host || neighbour(image_, number, t.side))
            refuse("a port needs a side at the edge of the fabric");
    }
}

uint32_t Mesh::add(Ticket t) {
    check(t);
    tickets_.push_back(std::move(t));
    const auto number = static_cast<uint32_t>(tickets_.size());
    Ticket& ticket = tickets_.back();
    if (ticket.kind == Kind::copy_out) ticket.words_data.assign(area(ticket.rect) * ticket.words, 0);
    if (!is_command(ticket.kind)) {
        ticket.remaining = area(ticket.rect) * ticket.words;
        if (!goes_in(ticket.kind)) ticket.wavelets.assign(ticket.remaining, 0);
    }
    size_t place = 0;
    for (int y = ticket.rect.y; y < ticket.rect.y + ticket.rect.h; ++y) {
        for (int x = ticket.rect.x; x < ticket.rect.x + ticket.rect.w; ++x, ++place) {
            const auto i = static_cast<uint32_t>(y * image_.width + x);
            const size_t first = place * ticket.words;
            if (is_command(ticket.kind)) {
                const int program = image_.tiles[i].program;
                if (program == none || ticket.per_program[static_cast<size_t>(program)] < 0) continue;
                ++ticket.remaining;
                Pe& pe = pes_[i];
                if (pe.commands.empty())
                    pe.command_due = std::max(pe.command_due, now_) + static_cast<uint64_t>(machine_.host.command);
                pe.commands.push_back(number);
                pe.has_commands = true;
                first_region().wake(i, now_);
            } else if (goes_in(ticket.kind)) {
                feeds_[sink_key(i, ticket.side, ticket.color)].push_back(
                    {number, first, first + ticket.words, now_});
            } else {
                Sink& sink = sinks_[sink_key(i, ticket.side, ticket.color)];
                sink.wants.push_back({number, first, first + ticket.words});
                settle(sink);
            }
        }
    }
    return number;
}

bool Mesh::done(uint32_t number) {
    if (ticket(number).remaining) return false;
    Ticket& finished = tickets_[number - 1];
    finished.given = {};
    finished.owner.reset();
    return true;
}

// ----------------------------------------------------------------------------------------------- wavelets in

void Mesh::feed_all() {
    for (auto it = feeds_.begin(); it != feeds_.end();) {
        const auto router = static_cast<uint32_t>(it->first >> 16);
        const Side side = static_cast<Side>(it->first >> 8 & 0xff);
        try {
            it = feed(router, side, it->second) ? feeds_.erase(it) : std::next(it);
        } catch (const Fault& fault) {
            const Pe& pe = pes_[router];
            fault_ = {Phase::host, router, {pe.x, pe.y, now_, fault.what(), {}, {}, {}, 0, 0}};
            return;
        }
    }
}

// One wavelet at most; true when nothing is left to inject here.
bool Mesh::feed(uint32_t number, Side side, std::deque<Feed>& feeds) {
    while (!feeds.empty() && feeds.front().next == feeds.front().end) feeds.pop_front();
    if (feeds.empty()) return true;
    Feed& f = feeds.front();
    Ticket& ticket = tickets_[f.ticket - 1];
    if (f.due > now_) {
        next_feed_ = std::min(next_feed_, f.due);
        return false;
    }
    const int color = arriving_color(routers_[number], side, ticket.color, now_);
    ColorState* state = routers_[number].find(color);
    if (!state) throw Fault("the host sends on color " + std::to_string(color) + ", which has no route here");
    if (state->full(side)) return false;
    const bool control = !ticket.controls.empty() && ticket.controls[f.next];
    Wavelet wavelet = make_wavelet(ticket.wavelets[f.next++], color, control, now_);
    first_region().enter(number, *state, side, wavelet);
    --ticket.remaining;
    fed_ = true;
    const uint64_t due =
        now_ + static_cast<uint64_t>(side == side_host ? machine_.host.stream_period : machine_.fabric.link_period);
    for (Feed& later : feeds) later.due = std::max(later.due, due);
    return false;
}

// ---------------------------------------------------------------------------------------------- wavelets out

// Data that have left the fabric and that nobody has asked for yet are kept.
void Mesh::collect(const Left& left) {
    Sink& sink = sinks_[sink_key(left.router, left.side, left.wavelet.color)];
    sink.wavelets.push_back(left.wavelet);
    settle(sink);
}

void Mesh::settle(Sink& sink) {
    while (!sink.wants.empty()) {
        Sink::Want& want = sink.wants.front();
        if (want.next == want.end) {
            sink.wants.pop_front();
            continue;
        }
        if (sink.wavelets.empty()) return;
        Ticket& ticket = tickets_[want.ticket - 1];
        ticket.wavelets[want.next++] = sink.wavelets.front().data;
        sink.wavelets.pop_front();
        --ticket.remaining;
    }
}

// ------------------------------------------------------------------------------------------------- commands

// The PE takes its next command. Tickets are shared by all regions: only the PE's own place in the data is touched.
void Region::command(uint32_t number) {
    Pe& pe = pes_[number];
    const uint32_t ticket_number = pe.commands.front();
    Ticket& ticket = tickets_[ticket_number - 1];
    pe.commands.pop_front();
    pe.has_commands = !pe.commands.empty();
    progress_ = true;
    uint64_t busy = 0;
    const int target = ticket.per_program[static_cast<size_t>(image_.tiles[number].program)];
    if (ticket.kind == Kind::launch) {
        pe.launch(target, ticket.arguments, ticket_number);
    } else {
        const auto address = ticket.indirect ? pe.memory.load(target, 1) : static_cast<uint64_t>(target);
        pe.memory.check(static_cast<int64_t>(address), ticket.words, "copy");
        uint16_t* here = pe.memory.data() + address;
        const size_t place = place_in(ticket, pe);
        if (ticket.kind == Kind::copy_in) std::copy_n(ticket.given.data() + place, ticket.words, here);
        else std::copy_n(here, ticket.words, ticket.words_data.data() + place);
        busy = static_cast<uint64_t>(machine_.host.copy_period) * ((ticket.words + 1) / 2);
        env_.finished.push_back(ticket_number);
    }
    pe.command_due = env_.now + busy + static_cast<uint64_t>(machine_.host.command);
}

}  // namespace wafersim
