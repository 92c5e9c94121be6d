// The scalar operations of the main thread: one case for each row of ops.def.
//
// An operation takes effect when it is issued; the main thread may issue again after its cost. `execute` gives
// that cost, and the groups below follow those of ops.def.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "wafersim/ops.h"
#include "wafersim/pe.h"

namespace wafersim {

bool Pe::main_may_issue() const {
    if (frames.empty() || main_ready > env->now) return false;
    if (waits_for_thread != none && busy(waits_for_thread)) return false;
    return maps.empty() || maps.back().depth != frames.size() || map_may_advance();
}

void Pe::step_main() {
    waits_for_thread = none;
    int cost = 0;
    while (cost == 0 && main_may_issue() && !busy(main_thread())) {
        if (!maps.empty() && maps.back().depth == frames.size()) {
            advance_map();
            return;
        }
        Frame& frame = frames.back();
        const Instr& instr = frame.function->code[static_cast<size_t>(frame.pc++)];
        current_loc = instr.loc;
        current_function = frame.function;
        ++env->stats.instructions;
        cost = execute(instr);
        if (frames.empty()) return end_task();
    }
    main_ready = std::max(main_ready, env->now + static_cast<uint64_t>(cost));
}

uint64_t Pe::stack_end() const {
    return frames.empty() ? static_cast<uint64_t>(program->data_end)
                          : static_cast<uint64_t>(frames.back().stack + frames.back().function->frame_words);
}

namespace {

void check_stack(const Pe& pe, const Function& function, int words) {
    const std::string where = "stack overflow in " + function.name + ": ";
    if (words > pe.program->memory_end) throw Fault(where + std::to_string(words - pe.program->memory_end) + " words too many");
    if (pe.frames.size() >= static_cast<size_t>(pe.memory.size())) throw Fault(where + "endless recursion");
}

}  // namespace

void Pe::call(const Function& function, int result, bool from_map) {
    Frame frame{&function, 0, 0, program->data_end, result, from_map};
    if (!frames.empty()) {
        const Frame& caller = frames.back();
        frame.registers = caller.registers + caller.function->registers;
        frame.stack = caller.stack + caller.function->frame_words;
    }
    const int end = frame.stack + function.frame_words;
    if (end > program->memory_end || frames.size() >= static_cast<size_t>(memory.size())) [[unlikely]]
        check_stack(*this, function, end);
    if (function.registers > 0) {
        const auto needed = static_cast<size_t>(frame.registers + function.registers);
        if (registers.size() < needed) registers.resize(needed);
        std::fill_n(registers.begin() + frame.registers, function.registers, uint64_t{0});
    }
    frames.push_back(frame);
}

void Pe::return_from(const Instr& instr) {
    const uint64_t value = operand(instr.a);
    const Frame finished = frames.back();
    frames.pop_back();
    if (finished.from_map) finish_map_call(value);
    else if (finished.result != none) registers[static_cast<size_t>(frames.back().registers + finished.result)] = value;
}

namespace {

// Arguments are copied from the caller's window into the first registers of the callee's.
void call_with_arguments(Pe& pe, const Function& function, const Instr& instr) {
    const int from = pe.frames.back().registers + std::max(instr.a, 0), count = std::min(instr.c, function.registers);
    pe.call(function, instr.dst, false);
    if (count > 0) std::copy_n(pe.registers.begin() + from, count, pe.registers.begin() + pe.frames.back().registers);
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

}  // namespace

int Pe::execute(const Instr& i) {
    switch (i.op) {
    case Op::mov_:
    case Op::neg_:
    case Op::not_: set(i, ops::scalar_unary(i.op, i.ty, operand(i.a))); break;
    case Op::add_:
    case Op::sub_:
    case Op::mul_:
    case Op::div_:
    case Op::rem_:
    case Op::and_:
    case Op::or_:
    case Op::xor_:
    case Op::shl_:
    case Op::shr_: set(i, ops::scalar_binary(i.op, i.ty, operand(i.a), operand(i.b))); break;
    case Op::eq_:
    case Op::ne_:
    case Op::lt_:
    case Op::le_: set(i, ops::compare(i.op, i.ty, operand(i.a), operand(i.b))); break;
    case Op::cvt_: set(i, ops::convert(i.ty, static_cast<Ty>(i.imm), operand(i.a))); break;
    case Op::load_:
    case Op::store_:
    case Op::copy_:
    case Op::frame_: return execute_memory(i);
    case Op::jmp_:
    case Op::brt_:
    case Op::brf_:
    case Op::skt_:
    case Op::skf_:
    case Op::sk_:
    case Op::call_:
    case Op::callp_:
    case Op::ret_:
    case Op::assert_:
    case Op::index_:
    case Op::trap_: return execute_control(i);
    case Op::dsdbase_: set(i, Dsd{operand(i.a)}.with_address(operand(i.b)).bits); break;
    case Op::dsdlen_: set(i, Dsd{operand(i.a)}.with_length(operand(i.b)).bits); break;
    case Op::dsdstride_: set(i, Dsd{operand(i.a)}.with_stride(operand(i.b)).bits); break;
    case Op::dsdinc_: set(i, incremented(*this, {operand(i.a)}, static_cast<int64_t>(operand(i.b)) * i.imm)); break;
    default: return execute_system(i);
    }
    return i.cost;
}

int Pe::execute_memory(const Instr& i) {
    const int64_t address = static_cast<int64_t>(operand(i.a) & 0xffff) + (i.op == Op::copy_ ? 0 : i.imm);
    const bool is_register = address >= 2 * first_register && address <= 0xffff && words_of(i.ty) == 1;
    switch (i.op) {
    case Op::load_:
        if (is_register) return set(i, ops::normalise(i.ty, read_register(static_cast<uint16_t>(address / 2)))), i.cost;
        set(i, ops::normalise(i.ty, memory.load(address, words_of(i.ty))));
        return i.cost;
    case Op::store_:
        if (is_register)
            return write_register(static_cast<uint16_t>(address / 2), static_cast<uint16_t>(operand(i.b))), i.cost;
        memory.store(address, words_of(i.ty), operand(i.b));
        return i.cost;
    case Op::copy_: {
        const int64_t from = static_cast<int64_t>(operand(i.b) & 0xffff);
        memory.check(from, i.imm, "read");
        memory.check(address, i.imm, "write");
        std::memmove(memory.data() + address, memory.data() + from, static_cast<size_t>(i.imm) * sizeof(uint16_t));
        return i.cost * static_cast<int>(i.imm);
    }
    default: set(i, static_cast<uint64_t>(frames.back().stack + i.imm)); return i.cost;
    }
}

// Instructions under a predicate take their cycle whether they are executed or not.
int Pe::skip_to(int target) {
    const int skipped = target - frames.back().pc;
    frames.back().pc = target;
    return skipped * env->machine.predicated;
}

int Pe::execute_control(const Instr& i) {
    switch (i.op) {
    case Op::jmp_: frames.back().pc = static_cast<int>(i.imm); return i.cost;
    case Op::brt_:
    case Op::brf_:
        if ((operand(i.a) & 1) != (i.op == Op::brt_)) return i.cost;
        frames.back().pc = static_cast<int>(i.imm);
        return env->machine.branch_taken;
    case Op::skt_:
    case Op::skf_:
        if ((operand(i.a) & 1) != (i.op == Op::skt_)) return 0;
        return skip_to(static_cast<int>(i.imm));
    case Op::sk_: return skip_to(static_cast<int>(i.imm));
    case Op::call_: call_with_arguments(*this, program->functions[static_cast<size_t>(i.imm)], i); return i.cost;
    case Op::callp_: {
        const uint64_t number = operand(i.b) & 0xffff;
        if (number >= program->functions.size()) throw Fault("call through a function pointer that points nowhere");
        call_with_arguments(*this, program->functions[number], i);
        return i.cost;
    }
    case Op::ret_: {
        const bool to_map = frames.back().from_map;  // `vector.map_iteration` has the return in it
        return_from(i);
        return to_map ? 0 : i.cost;
    }
    case Op::index_: {
        const uint64_t at = operand(i.a);
        if (at < static_cast<uint64_t>(i.imm)) return 0;
        const bool negative = ops::compare(Op::lt_, i.ty, at, 0);
        const std::string number =
            negative ? "-" + std::to_string(ops::scalar_unary(Op::neg_, i.ty, at)) : std::to_string(at);
        throw Fault("index " + number + " is out of range for " + std::to_string(i.imm) + " elements");
    }
    case Op::assert_:
        if (operand(i.a) & 1) return i.cost;
        [[fallthrough]];
    default: throw Fault(program->messages[static_cast<size_t>(i.imm)]);
    }
}

// What reaches beyond registers and memory: tasks, DSD operations, queues, configuration, clock, log.
int Pe::execute_system(const Instr& i) {
    const auto index = static_cast<size_t>(i.imm);
    switch (i.op) {
    case Op::vec_:
        if (!start_vector(program->vecops[index])) return --frames.back().pc, 1;
        if (!program->vecops[index].options.is_async || busy(main_thread())) return 0;
        return program->vecops[index].start + env->machine.vector.issue;
    case Op::map_: start_map(program->maps[index]); return env->machine.vector.map_start;
    case Op::dsrload_: run_dsr_load(program->dsr_loads[index]); break;
    case Op::fifolen_: {
        FifoState& fifo = fifo_of({operand(i.a)});
        (i.imm ? fifo.write_length : fifo.read_length) = static_cast<uint16_t>(operand(i.b));
        break;
    }
    case Op::activate_: activate(static_cast<int>(operand(i.a) & 63), 0); break;
    case Op::block_: block(static_cast<IdSpace>(i.imm), static_cast<int>(operand(i.a) & 63), true); break;
    case Op::unblock_: block(static_cast<IdSpace>(i.imm), static_cast<int>(operand(i.a) & 63), false); break;
    case Op::qflush_: {
        uint16_t& wanted = i.imm ? output_flush : input_flush;
        wanted |= static_cast<uint16_t>(1u << (operand(i.a) & 15));
        check_flush();
        break;
    }
    case Op::getcfg_: set(i, read_register(static_cast<uint16_t>(operand(i.a)))); break;
    case Op::setcfg_: write_register(static_cast<uint16_t>(operand(i.a)), static_cast<uint16_t>(operand(i.b))); break;
    case Op::clock_: set(i, clock()); break;
    case Op::clockctl_:
        extras().clock_base = i.imm == 2 ? 0 : clock();
        extras().clock_start = env->now;
        if (i.imm < 2) extras().clock_running = i.imm == 1;
        break;
    case Op::random_: set(i, random()); break;
    case Op::prng_:
        if (i.imm == 0) extras().active_generator = static_cast<int>(operand(i.a) & 1);
        else
            extras().generator[static_cast<size_t>(extras().active_generator)] =
                (static_cast<uint32_t>(operand(i.a)) + 1) * 0x9e3779b9u | 1u;
        break;
    case Op::print_: print(i); break;
    default: throw std::logic_error("operation without a case");
    }
    return i.cost;
}

// A 32-bit xorshift generator; its upper half is the number.
uint16_t Pe::random() {
    uint32_t& s = extras().generator[static_cast<size_t>(extras().active_generator)];
    s ^= s << 13;
    s ^= s >> 17;
    s ^= s << 5;
    return static_cast<uint16_t>(s >> 16);
}

namespace {

std::string digits(uint64_t value, int base_bits, int width) {
    std::string text;
    for (int i = width - 1; i >= 0; --i) text += "0123456789ABCDEF"[value >> (i * base_bits) & ((1u << base_bits) - 1)];
    return text;
}

bool is_signed(Ty ty) { return ty == Ty::i8 || ty == Ty::i16 || ty == Ty::i32 || ty == Ty::i64; }

// The fewest digits that tell the number from its neighbours, of at most `most`; 42 is "42.0".
std::string decimal(double value, int most) {
    char text[32];
    for (int precision = 1; precision <= most; ++precision) {
        std::snprintf(text, sizeof text, "%.*g", precision, value);
        const float back = std::strtof(text, nullptr);
        if (precision == most || double{back} == value) break;
    }
    std::string digits = text;
    if (digits.find_first_not_of("-0123456789") == std::string::npos) digits += ".0";
    return digits;
}

std::string formatted(char format, Ty ty, uint64_t value) {
    const int bits = ty == Ty::i8 || ty == Ty::u8 ? 8 : 16 * words_of(ty);
    switch (format) {
    case 'X': return digits(value, 4, bits / 4);
    case 'b': return digits(value, 1, bits);
    case 'c': return std::string(1, static_cast<char>(value));
    case 'f': return decimal(ty == Ty::f16 ? double{ops::from_f16(static_cast<uint32_t>(value))}
                                           : double{ops::from_f32(static_cast<uint32_t>(value))},
                             ty == Ty::f16 ? 5 : 9);
    default: return is_signed(ty) ? std::to_string(static_cast<int64_t>(value)) : std::to_string(value);
    }
}

}  // namespace

// Text is kept until the line is complete.
void Pe::print(const Instr& i) {
    const PrintFormat& print = program->prints[static_cast<size_t>(i.imm)];
    std::string& print_line = extras().print_line;
    std::string text = print.literals[0];
    for (size_t k = 0; k < print.formats.size(); ++k) {
        text += formatted(print.formats[k], print.types[k], operand(i.a + static_cast<int>(k))) + print.literals[k + 1];
    }
    for (char c : text) {
        if (c == '\n') {
            env->log.push_back({env->now, x, y, print_line});
            print_line.clear();
        } else {
            print_line += c;
        }
    }
}

}  // namespace wafersim
