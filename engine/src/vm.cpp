// The scalar operations of the main thread: a function for each row of ops.def and, where it matters, each type.
//
// An operation takes effect when it is issued; the main thread may issue again after its cost. `find_executors` puts the
// function into each instruction when its program is loaded; the groups below follow those of ops.def.
#include <algorithm>
#include <cstring>

#include "wafersim/ops.h"
#include "wafersim/pe.h"

namespace wafersim {

bool Pe::main_may_issue() const {
    if (frames.empty() || main_ready > env->now) return false;
    if (waits_for_thread != none && busy(waits_for_thread)) return false;
    return maps.empty() || maps.back().depth != frames.size() || map_may_advance();
}

// Whoever gives it the issue slot knows that it may issue.
void Pe::step_main() {
    waits_for_thread = none;
    int cost = 0;
    do {
        if (!maps.empty() && maps.back().depth == frames.size()) {
            advance_map();
            return;
        }
        Frame& frame = frames.back();
        const Instr& instr = *frame.next++;
        current_loc = instr.loc;
        current_function = frame.function;
        ++env->stats.instructions;
        cost = instr.execute(*this, instr, registers.data() + frame.registers);
        if (frames.empty()) return end_task();
    } while (cost == 0 && main_may_issue() && !busy(main_thread()));
    main_ready = std::max(main_ready, env->now + static_cast<uint64_t>(cost));
}

uint64_t Pe::stack_end() const {
    return frames.empty() ? static_cast<uint64_t>(program->data_end)
                          : static_cast<uint64_t>(frames.back().stack + frames.back().function->frame_words);
}

namespace {

[[gnu::noinline]] void check_stack(const Pe& pe, const Function& function, int words) {
    const std::string where = "stack overflow in " + function.name + ": ";
    if (words > pe.program->memory_end) throw Fault(where + std::to_string(words - pe.program->memory_end) + " words too many");
    if (pe.frames.size() >= static_cast<size_t>(pe.memory.size())) throw Fault(where + "endless recursion");
}

}  // namespace

// The registers of a call are 0 at first. They are cleared some at a time, perhaps a few too many: behind them are none in use.
void Pe::call(const Function& function, int result, bool from_map) {
    constexpr int at_once = 4;
    int first = 0, stack = program->data_end;
    if (!frames.empty()) {
        const Frame& caller = frames.back();
        first = caller.registers + caller.function->registers;
        stack = caller.stack + caller.function->frame_words;
    }
    const int end = stack + function.frame_words;
    if (end > program->memory_end || frames.size() >= static_cast<size_t>(memory.size())) [[unlikely]]
        check_stack(*this, function, end);
    const auto needed = static_cast<size_t>(first + function.registers + at_once - 1);
    if (registers.size() < needed) [[unlikely]] registers.resize(needed);
    for (int i = 0; i < function.registers; i += at_once) std::fill_n(registers.data() + first + i, at_once, uint64_t{0});
    frames.push_back({&function, function.entry, first, stack, result, from_map});
}

void Pe::return_with(uint64_t value) {
    const bool from_map = frames.back().from_map;
    const int result = frames.back().result;
    frames.pop_back();
    if (from_map) finish_map_call(value);
    else if (result != none) window()[result] = value;
}

namespace {

// --------------------------------------------------------------------------------------- registers and memory

template <Op op, Ty ty>
int unary(Pe& pe, const Instr& i, uint64_t* r) {
    r[i.dst] = ops::scalar_unary(op, ty, pe.operand(r, i.a));
    return i.cost;
}

template <Op op, Ty ty>
int binary(Pe& pe, const Instr& i, uint64_t* r) {
    r[i.dst] = ops::scalar_binary(op, ty, pe.operand(r, i.a), pe.operand(r, i.b));
    return i.cost;
}

template <Op op, Ty ty>
int comparison(Pe& pe, const Instr& i, uint64_t* r) {
    r[i.dst] = ops::compare(op, ty, pe.operand(r, i.a), pe.operand(r, i.b));
    return i.cost;
}

template <Ty ty>
int conversion(Pe& pe, const Instr& i, uint64_t* r) {
    r[i.dst] = ops::convert(ty, static_cast<Ty>(i.imm), pe.operand(r, i.a));
    return i.cost;
}

int64_t address_of(const Pe& pe, const Instr& i, const uint64_t* r) {
    return static_cast<int64_t>(pe.operand(r, i.a) & 0xffff) + i.imm;
}

// Configuration registers appear in the address space of accesses of one word.
template <Ty ty>
bool is_register(int64_t address) {
    return words_of(ty) == 1 && address >= 2 * first_register && address <= 0xffff;
}

template <Ty ty>
int load(Pe& pe, const Instr& i, uint64_t* r) {
    const int64_t address = address_of(pe, i, r);
    const uint64_t pattern = is_register<ty>(address) ? pe.read_register(static_cast<uint16_t>(address / 2))
                                                      : pe.memory.load(address, words_of(ty));
    r[i.dst] = ops::normalise(ty, pattern);
    return i.cost;
}

template <Ty ty>
int store(Pe& pe, const Instr& i, uint64_t* r) {
    const int64_t address = address_of(pe, i, r);
    const uint64_t value = pe.operand(r, i.b);
    if (is_register<ty>(address)) pe.write_register(static_cast<uint16_t>(address / 2), static_cast<uint16_t>(value));
    else pe.memory.store(address, words_of(ty), value);
    return i.cost;
}

int copy(Pe& pe, const Instr& i, uint64_t* r) {
    const auto to = static_cast<int64_t>(pe.operand(r, i.a) & 0xffff), from = static_cast<int64_t>(pe.operand(r, i.b) & 0xffff);
    pe.memory.check(from, i.imm, "read");
    pe.memory.check(to, i.imm, "write");
    std::memmove(pe.memory.data() + to, pe.memory.data() + from, static_cast<size_t>(i.imm) * sizeof(uint16_t));
    return i.cost * i.imm;
}

int frame(Pe& pe, const Instr& i, uint64_t* r) {
    r[i.dst] = static_cast<uint64_t>(pe.frames.back().stack + i.imm);
    return i.cost;
}

// ------------------------------------------------------------------------------------------------- control

void jump_to(Pe& pe, int64_t target) {
    Frame& frame = pe.frames.back();
    frame.next = frame.function->entry + target;
}

int jump(Pe& pe, const Instr& i, uint64_t*) {
    jump_to(pe, i.imm);
    return i.cost;
}

template <bool on>
int branch(Pe& pe, const Instr& i, uint64_t* r) {
    if ((pe.operand(r, i.a) & 1) != on) return i.cost;
    jump_to(pe, i.imm);
    return pe.env->machine.branch_taken;
}

// Instructions under a predicate take their cycle whether they are executed or not.
int skip(Pe& pe, const Instr& i, uint64_t*) {
    const Instr* const here = pe.frames.back().next;
    jump_to(pe, i.imm);
    return static_cast<int>(pe.frames.back().next - here) * pe.env->machine.predicated;
}

template <bool on>
int skip_if(Pe& pe, const Instr& i, uint64_t* r) {
    return (pe.operand(r, i.a) & 1) == on ? skip(pe, i, r) : 0;
}

// Arguments are copied from the caller's window into the first registers of the callee's.
int call_with_arguments(Pe& pe, const Function& function, const Instr& i, const uint64_t* r) {
    const auto first = r - pe.registers.data() + std::max(i.a, 0);
    const int count = std::min<int>(i.c, function.registers);
    pe.call(function, i.dst, false);
    const uint64_t* const from = pe.registers.data() + first;
    uint64_t* const to = pe.window();
    for (int k = 0; k < count; ++k) to[k] = from[k];
    return i.cost;
}

int call(Pe& pe, const Instr& i, uint64_t* r) {
    return call_with_arguments(pe, pe.program->functions[static_cast<size_t>(i.imm)], i, r);
}

int call_pointer(Pe& pe, const Instr& i, uint64_t* r) {
    const uint64_t number = pe.operand(r, i.b) & 0xffff;
    if (number >= pe.program->functions.size()) throw Fault("call through a function pointer that points nowhere");
    return call_with_arguments(pe, pe.program->functions[number], i, r);
}

int ret(Pe& pe, const Instr& i, uint64_t* r) {
    const bool to_map = pe.frames.back().from_map;  // `vector.map_iteration` has the return in it
    pe.return_with(pe.operand(r, i.a));
    return to_map ? 0 : i.cost;
}

[[noreturn, gnu::noinline]] void fault(const Pe& pe, const Instr& i) {
    throw Fault(pe.program->messages[static_cast<size_t>(i.imm)]);
}

[[noreturn, gnu::noinline]] void out_of_range(const Instr& i, uint64_t at) {
    const bool negative = ops::compare(Op::lt_, i.ty, at, 0);
    const uint64_t distance = negative ? ops::scalar_unary(Op::neg_, i.ty, at) : at;
    throw Fault(std::string(negative ? "index -" : "index ") + std::to_string(distance) + " is out of range for " + std::to_string(i.imm) + " elements");
}

int check_index(Pe& pe, const Instr& i, uint64_t* r) {
    const uint64_t at = pe.operand(r, i.a);
    if (at >= static_cast<uint64_t>(i.imm)) out_of_range(i, at);
    return 0;
}

int assertion(Pe& pe, const Instr& i, uint64_t* r) {
    if (!(pe.operand(r, i.a) & 1)) fault(pe, i);
    return i.cost;
}

int trap(Pe& pe, const Instr& i, uint64_t*) { fault(pe, i); }

// ------------------------------------------------------ DSDs, tasks, queues, configuration, clock, log

// `with` is the member function of Dsd that changes one of its fields.
template <auto with>
int change_dsd(Pe& pe, const Instr& i, uint64_t* r) {
    r[i.dst] = (Dsd{pe.operand(r, i.a)}.*with)(pe.operand(r, i.b)).bits;
    return i.cost;
}

uint64_t incremented(const Pe& pe, Dsd dsd, int64_t words) {
    int64_t address = dsd.address() + words;
    if (dsd.kind() == DsdKind::circbuf) {
        const Shape& shape = shape_of(*pe.program, dsd);
        if (shape.words == 0) throw Fault("circular buffer without words");
        const int64_t offset = (address - shape.start) % shape.words;
        address = shape.start + (offset < 0 ? offset + shape.words : offset);
    }
    return dsd.with_address(static_cast<uint64_t>(address)).bits;
}

int move_dsd(Pe& pe, const Instr& i, uint64_t* r) {
    r[i.dst] = incremented(pe, {pe.operand(r, i.a)}, static_cast<int64_t>(pe.operand(r, i.b)) * i.imm);
    return i.cost;
}

int vector(Pe& pe, const Instr& i, uint64_t*) {
    const VecOp& op = pe.program->vecops[static_cast<size_t>(i.imm)];
    if (!pe.start_vector(op)) return --pe.frames.back().next, 1;
    if (!op.options.is_async || pe.busy(pe.main_thread())) return 0;
    return op.start + pe.env->machine.vector.issue;
}

int map(Pe& pe, const Instr& i, uint64_t*) {
    pe.start_map(pe.program->maps[static_cast<size_t>(i.imm)]);
    return pe.env->machine.vector.map_start;
}

int load_dsr(Pe& pe, const Instr& i, uint64_t*) {
    pe.run_dsr_load(pe.program->dsr_loads[static_cast<size_t>(i.imm)]);
    return i.cost;
}

int set_fifo_length(Pe& pe, const Instr& i, uint64_t* r) {
    FifoState& fifo = pe.fifo_of({pe.operand(r, i.a)});
    (i.imm ? fifo.write_length : fifo.read_length) = static_cast<uint16_t>(pe.operand(r, i.b));
    return i.cost;
}

int activate(Pe& pe, const Instr& i, uint64_t* r) {
    pe.activate(static_cast<int>(pe.operand(r, i.a) & 63), 0);
    return i.cost;
}

template <bool on>
int block(Pe& pe, const Instr& i, uint64_t* r) {
    pe.block(static_cast<IdSpace>(i.imm), static_cast<int>(pe.operand(r, i.a) & 63), on);
    return i.cost;
}

int flush_queue(Pe& pe, const Instr& i, uint64_t* r) {
    (i.imm ? pe.output_flush : pe.input_flush) |= static_cast<uint16_t>(1u << (pe.operand(r, i.a) & 15));
    pe.check_flush();
    return i.cost;
}

int get_register(Pe& pe, const Instr& i, uint64_t* r) {
    r[i.dst] = pe.read_register(static_cast<uint16_t>(pe.operand(r, i.a)));
    return i.cost;
}

int set_register(Pe& pe, const Instr& i, uint64_t* r) {
    pe.write_register(static_cast<uint16_t>(pe.operand(r, i.a)), static_cast<uint16_t>(pe.operand(r, i.b)));
    return i.cost;
}

int clock(Pe& pe, const Instr& i, uint64_t* r) {
    r[i.dst] = pe.clock();
    return i.cost;
}

int control_clock(Pe& pe, const Instr& i, uint64_t*) {
    pe.extras().clock_base = i.imm == 2 ? 0 : pe.clock();
    pe.extras().clock_start = pe.env->now;
    if (i.imm < 2) pe.extras().clock_running = i.imm == 1;
    return i.cost;
}

int random(Pe& pe, const Instr& i, uint64_t* r) {
    r[i.dst] = pe.random();
    return i.cost;
}

int choose_generator(Pe& pe, const Instr& i, uint64_t* r) {
    PeExtras& e = pe.extras();
    const uint64_t value = pe.operand(r, i.a);
    if (i.imm == 0) e.active_generator = static_cast<int>(value & 1);
    else e.generator[static_cast<size_t>(e.active_generator)] = (static_cast<uint32_t>(value) + 1) * 0x9e3779b9u | 1u;
    return i.cost;
}

int print(Pe& pe, const Instr& i, uint64_t* r) {
    pe.print(i, r);
    return i.cost;
}

// ---------------------------------------------------------------------------------------------- the table

template <Ty ty>
constexpr Execute executor(Op op) {
    switch (op) {
    case Op::mov_: return unary<Op::mov_, ty>;
    case Op::add_: return binary<Op::add_, ty>;
    case Op::sub_: return binary<Op::sub_, ty>;
    case Op::mul_: return binary<Op::mul_, ty>;
    case Op::div_: return binary<Op::div_, ty>;
    case Op::rem_: return binary<Op::rem_, ty>;
    case Op::and_: return binary<Op::and_, ty>;
    case Op::or_: return binary<Op::or_, ty>;
    case Op::xor_: return binary<Op::xor_, ty>;
    case Op::shl_: return binary<Op::shl_, ty>;
    case Op::shr_: return binary<Op::shr_, ty>;
    case Op::neg_: return unary<Op::neg_, ty>;
    case Op::not_: return unary<Op::not_, ty>;
    case Op::eq_: return comparison<Op::eq_, ty>;
    case Op::ne_: return comparison<Op::ne_, ty>;
    case Op::lt_: return comparison<Op::lt_, ty>;
    case Op::le_: return comparison<Op::le_, ty>;
    case Op::cvt_: return conversion<ty>;
    case Op::load_: return load<ty>;
    case Op::store_: return store<ty>;
    case Op::copy_: return copy;
    case Op::frame_: return frame;
    case Op::jmp_: return jump;
    case Op::brt_: return branch<true>;
    case Op::brf_: return branch<false>;
    case Op::skt_: return skip_if<true>;
    case Op::skf_: return skip_if<false>;
    case Op::sk_: return skip;
    case Op::call_: return call;
    case Op::callp_: return call_pointer;
    case Op::ret_: return ret;
    case Op::vec_: return vector;
    case Op::map_: return map;
    case Op::dsrload_: return load_dsr;
    case Op::dsdbase_: return change_dsd<&Dsd::with_address>;
    case Op::dsdlen_: return change_dsd<&Dsd::with_length>;
    case Op::dsdstride_: return change_dsd<&Dsd::with_stride>;
    case Op::dsdinc_: return move_dsd;
    case Op::fifolen_: return set_fifo_length;
    case Op::activate_: return activate;
    case Op::block_: return block<true>;
    case Op::unblock_: return block<false>;
    case Op::qflush_: return flush_queue;
    case Op::getcfg_: return get_register;
    case Op::setcfg_: return set_register;
    case Op::clock_: return clock;
    case Op::clockctl_: return control_clock;
    case Op::random_: return random;
    case Op::prng_: return choose_generator;
    case Op::print_: return print;
    case Op::assert_: return assertion;
    case Op::index_: return check_index;
    case Op::trap_: return trap;
    case Op::count: break;
    }
    return nullptr;
}

template <Ty ty>
constexpr std::array<Execute, op_count> executors_of = [] {
    std::array<Execute, op_count> row{};
    for (size_t op = 0; op < op_count; ++op) row[op] = executor<ty>(static_cast<Op>(op));
    return row;
}();

// By type and operation.
constexpr auto executors = []<size_t... ty>(std::index_sequence<ty...>) {
    return std::array{executors_of<static_cast<Ty>(ty)>...};
}(std::make_index_sequence<static_cast<size_t>(Ty::dsd) + 1>());

}  // namespace

void find_executors(Program& program) {
    for (Function& function : program.functions)
        for (Instr& i : function.code) i.execute = executors[static_cast<size_t>(i.ty)][static_cast<size_t>(i.op)];
}

// A 32-bit xorshift generator; its upper half is the number.
uint16_t Pe::random() {
    uint32_t& s = extras().generator[static_cast<size_t>(extras().active_generator)];
    s ^= s << 13;
    s ^= s >> 17;
    s ^= s << 5;
    return static_cast<uint16_t>(s >> 16);
}

}  // namespace wafersim
