// What is known about a DSD operation before any PE starts it: its plan, where its DSDs are constants, and where the PE has
// nothing to add the elements in memory one by one.
#include <memory>

#include "plan.h"
#include "wafersim/pe.h"

namespace wafersim {

namespace {

// What only a PE knows.
struct Unknown : Fault {
    Unknown() : Fault("only the PE knows") {}
};

// A program and what its tiles differ in.
struct Common {
    const Program& program;
    std::vector<uint64_t> differs;  // by constant: bits that are not the same in all tiles

    // `rows`: a number for each patch, tile by tile.
    Common(const Program& program, const std::vector<int64_t>& rows) : program(program), differs(program.constants.size()) {
        const size_t patches = program.patches.size();
        for (size_t i = 0; i < rows.size(); ++i) {
            const Patch& patch = program.patches[i % patches];
            const auto number = static_cast<size_t>(patch.index);
            if (patch.kind == PatchKind::constant) differs[number] |= program.constants[number] ^ static_cast<uint64_t>(rows[i]);
        }
    }

    // A constant that is the same in all PEs of the program but for bits that do not matter.
    uint64_t constant(int number, uint64_t ignored = 0) const {
        if (number == none) return 0;
        const auto index = static_cast<size_t>(-2 - number);
        if (number >= 0 || index >= differs.size() || (differs[index] & ~ignored)) throw Unknown();
        return program.constants[index];
    }
    bool is_same(const VecOperand& o) const { return o.kind != OperandKind::dsd || differs[static_cast<size_t>(-2 - o.value)] == 0; }
};

// Of kind `none` for an operand without. FIFOs are no constants: the PE gives them their length.
Dsd constant_dsd(const Program& program, const VecOperand& o) {
    if (o.kind != OperandKind::dsd && o.kind != OperandKind::dsr) return {};
    const auto number = static_cast<size_t>(-2 - o.value);
    const bool is_constant = o.kind == OperandKind::dsd && o.value < none && number < program.constants.size();
    const Dsd dsd = is_constant ? Dsd{program.constants[number]} : Dsd{};
    if (!is_constant || dsd.kind() == DsdKind::fifo) throw Unknown();
    return dsd;
}

// The rest of its lines depends on where the operands end.
void foretell_rest(const Machine& machine, Plan& plan) {
    if (plan.infinite) return;
    Plan end = plan;
    for (size_t i = 0; i < plan.sources; ++i)
        if (!skip(end.source[i], plan.length)) return;
    plan.rest = rest_of_lines(machine, end, plan.length);
}

void prepare(const Program& program, const Machine& machine, PreparedPlan& prepared, const VecOp& op) {
    size_t next = 0;
    set_up_operands(prepared.plan, op, [&](const VecOperand& o, int words, bool is_destination) {
        prepared.dsds[next] = constant_dsd(program, o);
        const Stream stream = stream_of(program, o, prepared.dsds[next], words, is_destination);
        if (!in_memory(stream)) prepared.bound_later |= static_cast<uint8_t>(1u << next);
        ++next;
        return stream;
    });
    settle(program, machine, prepared.plan);
    foretell_rest(machine, prepared.plan);
}

// ------------------------------------------------------------------------------------------------ complete plans

// Words that have storage from the start in all PEs.
bool is_stored(const Program& program, int64_t address, int words) {
    return address >= 0 && address + words <= program.stored_words;
}

constexpr uint32_t most_places = 1024;

// Addresses of the elements.
std::vector<uint16_t> elements_of(const Program& program, Stream s, uint32_t count) {
    std::vector<uint16_t> words;
    for (; words.size() < count; advance(s)) {
        const int64_t address = element_address(s);
        if (!is_stored(program, address, s.words)) throw Unknown();
        words.push_back(static_cast<uint16_t>(address));
    }
    return words;
}

// An element must not be read with one before it where it is, or overlaps, the result of that one.
std::vector<uint16_t> read_together(const Program& program, const Plan& plan, const ElementPlaces& places) {
    std::vector<uint32_t> end(plan.length, plan.length);  // by element: the first one after it that reads its result
    std::vector<int> writer(static_cast<size_t>(program.stored_words), none);
    for (uint32_t n = 0; n < plan.length; ++n) {
        for (size_t i = 0; i < plan.sources; ++i) {
            const std::vector<uint16_t>& read = places.operands[i + 1].words;
            for (int w = 0; !read.empty() && w < plan.source[i].words; ++w) {
                const int by = writer[static_cast<size_t>(read[n] + w)];
                if (by != none) end[static_cast<size_t>(by)] = std::min(end[static_cast<size_t>(by)], n);
            }
        }
        for (int w = 0; w < plan.dst.words; ++w) writer[static_cast<size_t>(places.operands[0].words[n] + w)] = static_cast<int>(n);
    }
    std::vector<uint16_t> together(plan.length);
    uint32_t nearest = plan.length;
    for (uint32_t n = plan.length; n-- > 0;) {
        nearest = std::min(nearest, end[n]);
        together[n] = static_cast<uint16_t>(nearest - n);
    }
    return together;
}

// Addresses of elements that follow each other need not be kept.
void shorten(ElementPlaces::Operand& operand, int words) {
    if (operand.words.empty()) return;
    operand.first = operand.words[0];
    for (size_t n = 0; n < operand.words.size(); ++n)
        if (operand.words[n] != operand.first + n * static_cast<size_t>(words)) return;
    operand.in_row = true;
    operand.words = {};
}

// An operation on memory that cannot fault, by the addresses of its elements.
ElementPlaces find_places(const Common& common, const VecOp& op, Plan& plan) {
    const Program& program = common.program;
    const bool plain = in_memory(plan.dst) && !plan.dst.zero_first && !plan.dst.zero_second && !plan.dst.index_offset;
    if (!plain || plan.infinite || plan.length > most_places || plan.length > plan.bound || plan.rest == none) throw Unknown();
    ElementPlaces places;
    places.operands[0].words = elements_of(program, plan.dst, plan.length);
    for (size_t i = 0; i < plan.sources; ++i) {
        Stream& s = plan.source[i];
        if (s.kind == StreamKind::scalar && op.sources[i].kind == OperandKind::scalar)
            s.scalar = static_cast<uint32_t>(common.constant(op.sources[i].value));
        else if (in_memory(s) && !s.index_offset) places.operands[i + 1].words = elements_of(program, s, plan.length);
        else throw Unknown();
    }
    places.together = read_together(program, plan, places);
    shorten(places.operands[0], plan.dst.words);
    for (size_t i = 0; i < plan.sources; ++i) shorten(places.operands[i + 1], plan.source[i].words);
    return places;
}

// A send or receive whose elements lie in memory that is there.
bool lies_inside(const Program& program, const Plan& plan, const Stream& s) {
    if (plan.infinite || plan.length > plan.bound) return false;
    const int64_t last = s.address + int64_t{s.step} * (int64_t{plan.length} - 1);
    return plan.length == 0 || (is_stored(program, s.address, s.words) && is_stored(program, last, s.words));
}

// Throws where the PE has more to say than channel and color.
CompletePlan complete(const Common& common, const Machine& machine, const PreparedPlan& prepared, const VecOp& op, PlanTable& plans) {
    const Program& program = common.program;
    bool same_dsds = true;
    const auto look = [&](const VecOperand& o, Dsd dsd) {
        if (o.kind == OperandKind::dsd) common.constant(o.value, dsd.in_fabric() ? Dsd::color_bits : 0);
        same_dsds = same_dsds && common.is_same(o);
    };
    look(op.dst, prepared.dsds[0]);
    for (size_t i = 0; i < op.sources.size(); ++i) look(op.sources[i], prepared.dsds[i + 1]);
    if (!op.function) throw Unknown();
    Plan plan = prepared.plan;
    set_options(plan, options_with(op.options, [&](int number) { return common.constant(number); }));
    const int microthread = op.options.is_async ? microthread_of(prepared.dsds, plan.options) : none;
    if (microthread >= machine.microthreads.count) throw Unknown();
    ElementPlaces places;
    plan.flow = flow_of(plan);
    if (sends(plan.flow)) plan.inside = lies_inside(program, plan, plan.source[0]);
    else if (receives(plan.flow)) plan.inside = lies_inside(program, plan, plan.dst);
    else if (!moves(plan.flow)) places = find_places(common, op, plan), plan.flow = Flow::memory;
    return {plans.keep(plan, places), prepared.dsds[0], prepared.dsds[1], static_cast<int8_t>(microthread), !same_dsds};
}

}  // namespace

const Shape* PlanTable::keep(const Shape& shape) {
    for (const auto& known : shapes_)
        if (*known == shape) return known.get();
    return shapes_.emplace_back(std::make_unique<const Shape>(shape)).get();
}

const Plan* PlanTable::keep(Plan plan, const ElementPlaces& places) {
    const auto share_shape = [this](Stream& s) {
        if (s.shape) s.shape = keep(*s.shape);
    };
    share_shape(plan.dst);
    for (Stream& s : plan.source) share_shape(s);
    const uint64_t hash = uint64_t{plan.length} << 32 ^ static_cast<uint64_t>(plan.dst.address << 16 ^ plan.source[0].address);
    const auto [begin, end] = entries_.equal_range(hash);
    for (auto known = begin; known != end; ++known) {
        plan.places = known->second->plan.places;  // which are compared themselves
        if (known->second->plan == plan && known->second->places == places) return &known->second->plan;
    }
    const auto entry = entries_.emplace(hash, std::make_unique<Entry>(plan, places));
    Plan& kept = entry->second->plan;
    kept.places = kept.flow == Flow::memory ? &entry->second->places : nullptr;
    return &kept;
}

void prepare_operations(Program& program, const Machine& machine, const std::vector<int64_t>& rows, PlanTable& plans) {
    const Common common(program, rows);
    for (VecOp& op : program.vecops) {
        const auto prepared = std::make_shared<PreparedPlan>();
        try {
            prepare(program, machine, *prepared, op);
            op.prepared = prepared;
            op.complete = complete(common, machine, *prepared, op, plans);
            op.prepared = nullptr;
        } catch (const Fault&) {  // the PE says the rest, or what is wrong
        }
    }
}

}  // namespace wafersim
