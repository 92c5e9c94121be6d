// Reads an image: value tree in, program.h structures out. The compiler's verifier has checked the rules of
// PE programs; here everything that indexes a table is checked again, so that no image can crash the engine.
#include "wafersim/loader.h"

#include <cstring>
#include <algorithm>
#include <limits>
#include <unordered_map>

#include "reader.h"
#include "wafersim/run.h"

namespace wafersim {

namespace {

constexpr int any = std::numeric_limits<int>::max();
constexpr int any16 = std::numeric_limits<int16_t>::max();

template <class Rows>
std::unordered_map<std::string, int> numbers_of(const Rows& rows) {
    std::unordered_map<std::string, int> numbers;
    for (size_t i = 0; i < rows.size(); ++i) numbers[std::string(rows[i].name)] = static_cast<int>(i);
    return numbers;
}

template <class Code>
Code code_of(const std::unordered_map<std::string, int>& numbers, Reader& r, const std::string& field) {
    const auto found = numbers.find(r.text(field));
    if (found == numbers.end()) r.fail("." + field + " is no operation of the engine: '" + r.text(field) + "'");
    return static_cast<Code>(found->second);
}

std::vector<Ty> types(Reader& r, const std::string& name) {
    std::vector<Ty> result;
    for (int value : r.small_integers(name)) {
        if (value < 0 || value >= Machine::type_count) r.fail("." + name + " names a type that does not exist");
        result.push_back(static_cast<Ty>(value));
    }
    return result;
}

Instr read_instr(const Value& value, const std::string& path) {
    static const auto numbers = numbers_of(op_rows);
    Reader r(value, path);
    Instr instr;
    instr.op = code_of<Op>(numbers, r, "op");
    instr.ty = r.enumeration<Ty>("ty", Machine::type_count);
    instr.dst = static_cast<int16_t>(r.small("dst", none, none, any16));
    instr.a = r.small("a", none, -any, any);
    instr.b = r.small("b", none, -any, any);
    instr.c = static_cast<int16_t>(r.small("c", none, none, any16));
    instr.imm = r.small("imm", 0, -any, any);
    instr.loc = r.small("loc", 0, 0, any);
    r.finish();
    return instr;
}

Function read_function(const Value& value, const std::string& path) {
    Reader r(value, path);
    Function f;
    f.name = r.text("name");
    f.params = types(r, "params");
    f.result = r.enumeration<Ty>("result", Machine::type_count);
    f.registers = r.small("registers", 0, 0, 1 << 20);
    f.frame_words = r.small("frame_words", 0, 0, 1 << 16);
    f.code = r.objects("code", read_instr);
    f.loc = r.small("loc", 0, 0, any);
    r.finish();
    return f;
}

VecOperand read_operand(const Value& value, const std::string& path) {
    Reader r(value, path);
    VecOperand operand{r.enumeration<OperandKind>("kind", 5), r.small("value", none, -any, any)};
    if (operand.kind == OperandKind::dsr && (operand.value < 0 || operand.value >= 3 * 64)) r.fail(" names no DSR");
    r.finish();
    return operand;
}

VecOperand optional_operand(Reader& r, const std::string& name) {
    const Value* value = r.find(name);
    return value ? read_operand(*value, r.path() + "." + name) : VecOperand{};
}

AsyncOptions read_options(Reader& outer) {
    const Value* value = outer.find("options");
    AsyncOptions o;
    if (!value) return o;
    Reader r(*value, outer.path() + ".options");
    o.is_async = r.flag("is_async");
    o.activate = r.small("activate", none, -any, any);
    o.unblock = r.small("unblock", none, -any, any);
    o.unblock_space = r.enumeration<IdSpace>("unblock_space", 4);
    o.microthread = r.small("microthread", none, -any, any);
    o.on_control = r.enumeration<OnControl>("on_control", 3);
    o.on_control_task = r.small("on_control_task", none, -any, any);
    o.priority = r.small("priority", 0, 0, 3);
    o.index = r.small("index", none, -any, any);
    r.finish();
    return o;
}

VecOp read_vecop(const Value& value, const std::string& path) {
    static const auto numbers = numbers_of(vec_rows);
    Reader r(value, path);
    VecOp op;
    op.op = code_of<Vec>(numbers, r, "name");
    op.dst = optional_operand(r, "dst");
    op.sources = r.objects("sources", read_operand);
    op.options = read_options(r);
    r.finish();
    if (static_cast<int>(op.sources.size()) != vec_source_count(op.op)) r.fail(" has a wrong number of sources");
    return op;
}

MapOp read_map(const Value& value, const std::string& path) {
    Reader r(value, path);
    MapOp map;
    map.function = r.small("function", none, 0, any);
    map.inputs = r.objects("inputs", read_operand);
    map.input_types = types(r, "input_types");
    map.output = optional_operand(r, "output");
    map.output_type = r.enumeration<Ty>("output_type", Machine::type_count);
    for (int flag : r.small_integers("pointer_inputs")) map.pointer_inputs.push_back(flag != 0);
    map.pointer_inputs.resize(map.inputs.size());
    r.finish();
    if (map.input_types.size() != map.inputs.size()) r.fail(" has inputs without a type");
    return map;
}

DsrLoad read_dsr_load(const Value& value, const std::string& path) {
    Reader r(value, path);
    DsrLoad load;
    load.dsr = r.small("dsr", 0, 0, 3 * 64 - 1);
    load.dsd = r.small("dsd", none, -any, any);
    load.options = read_options(r);
    load.save_address = r.flag("save_address");
    load.single_step = r.flag("single_step");
    r.finish();
    return load;
}

Shape read_shape(const Value& value, const std::string& path) {
    Reader r(value, path);
    Shape shape{r.small_integers("extents"), r.small_integers("strides"), r.small("start", 0, 0, 0xffff),
                r.small("words", 0, 0, 0x10000)};
    r.finish();
    if (shape.extents.size() != shape.strides.size() || shape.extents.size() > 4) r.fail(" is malformed");
    return shape;
}

Fifo read_fifo(const Value& value, const std::string& path) {
    Reader r(value, path);
    Fifo fifo;
    fifo.name = r.text("name");
    fifo.address = r.small("address", 0, 0, 0xffff);
    fifo.words = r.small("words", 0, 1, 0x10000);
    fifo.element_words = r.small("element_words", 1, 1, 4);
    fifo.empty_action = r.enumeration<FifoAction>("empty_action", 4);
    fifo.full_action = r.enumeration<FifoAction>("full_action", 4);
    fifo.activate_push = r.small("activate_push", none, none, 63);
    fifo.activate_pop = r.small("activate_pop", none, none, 63);
    fifo.priority = r.small("priority", 0, 0, 3);
    r.finish();
    return fifo;
}

PrintFormat read_print(const Value& value, const std::string& path) {
    Reader r(value, path);
    PrintFormat print{r.texts("literals"), {}, types(r, "types")};
    for (const std::string& format : r.texts("formats")) print.formats += format.substr(0, 1);
    r.finish();
    if (print.literals.size() != print.formats.size() + 1 || print.types.size() != print.formats.size()) {
        r.fail(" has a wrong number of literals");
    }
    return print;
}

Patch read_patch(const Value& value, const std::string& path) {
    Reader r(value, path);
    Patch patch{r.enumeration<PatchKind>("kind", 4), r.small("index", 0, 0, 0xffff)};
    r.finish();
    return patch;
}

DataSegment read_segment(const Value& value, const std::string& path) {
    Reader r(value, path);
    DataSegment segment{r.small("address", 0, 0, 0xffff), {}};
    for (int64_t word : r.integers("words")) segment.words.push_back(static_cast<uint16_t>(word));
    r.finish();
    return segment;
}

Variable read_symbol(const Value& value, const std::string& path) {
    Reader r(value, path);
    Variable variable{r.small("address", 0, 0, 0xffff), 0, r.text("name")};
    variable.end = variable.first + r.small("words", 0, 0, 0xffff);
    r.ignore({"type", "element", "shape", "section"});
    r.finish();
    return variable;
}

Variables read_variables(Reader& r) {
    std::vector<Variable> all = r.objects("symbols", read_symbol), merged;
    std::stable_sort(all.begin(), all.end(), [](const Variable& a, const Variable& b) { return a.first < b.first; });
    for (Variable& variable : all) {
        if (variable.end == variable.first) continue;
        if (merged.empty() || merged.back().end <= variable.first) merged.push_back(std::move(variable));
        else merged.back().end = std::max(merged.back().end, variable.end);
    }
    return Variables(std::move(merged));
}

Task read_task(const Value& value, const std::string& path) {
    Reader r(value, path);
    Task task{r.small("id", 0, 0, 63), r.enumeration<TaskKind>("kind", 3), r.small("function", none, 0, any)};
    r.finish();
    return task;
}

QueueBinding read_binding(const Value& value, const std::string& path) {
    Reader r(value, path);
    QueueBinding binding{r.small("queue", 0, 0, 15), r.small("color", none, none, 31), r.small("priority", 0, 0, 3)};
    r.finish();
    return binding;
}

// A list of short tuples of integers.
std::vector<std::vector<int>> tuples(Reader& r, const std::string& name, size_t length) {
    return r.objects(name, [&](const Value& item, const std::string& path) {
        std::vector<int> result;
        if (const auto* list = item.get<List>()) {
            for (const Value& part : *list) {
                if (const auto* number = part.get<int64_t>()) result.push_back(static_cast<int>(*number));
            }
        }
        if (result.size() != length) throw ConfigError(path + " is malformed");
        return result;
    });
}

std::vector<std::pair<IdSpace, int>> ids(Reader& r, const std::string& name) {
    std::vector<std::pair<IdSpace, int>> result;
    for (const auto& item : tuples(r, name, 2)) {
        if (item[0] < 0 || item[0] > 3 || item[1] < 0 || item[1] > 63) r.fail("." + name + " names no id");
        result.emplace_back(static_cast<IdSpace>(item[0]), item[1]);
    }
    return result;
}

std::map<int, int> handlers(Reader& r, const std::string& name, size_t functions) {
    std::map<int, int> result;
    const Value* value = r.find(name);
    if (!value) return result;
    const auto* dict = value->get<Dict>();
    if (!dict) r.fail("." + name + " is not a dictionary");
    for (const auto& [key, function] : *dict) {
        const auto* number = function.get<int64_t>();
        if (!number || *number < 0 || *number >= static_cast<int64_t>(functions))
            r.fail("." + name + " names no function");
        result[std::stoi(key)] = static_cast<int>(*number);
    }
    return result;
}

// The end of what variables, data, FIFOs and the frame of a function with a frame take.
int stored_words(const Program& p) {
    int end = 0;
    const auto reach = [&](size_t word) { end = std::max(end, static_cast<int>(word)); };
    for (const Variable& variable : p.variables) reach(static_cast<size_t>(variable.end));
    for (const DataSegment& segment : p.data) reach(static_cast<size_t>(segment.address) + segment.words.size());
    for (const Fifo& fifo : p.fifos) reach(static_cast<size_t>(fifo.address + fifo.words));
    for (const Patch& patch : p.patches)
        if (patch.kind == PatchKind::word) reach(static_cast<size_t>(patch.index) + 1);
    for (const Function& function : p.functions)
        if (function.frame_words > 0) reach(static_cast<size_t>(p.data_end + function.frame_words));
    return end;
}

// Lets each vector operation know its source line and function, for reports about microthreads.
void locate_vecops(Program& p) {
    std::vector<int> runners(p.vecops.size());
    for (const Function& function : p.functions) {
        for (const Instr& instr : function.code) {
            if (instr.op == Op::vec_ && instr.imm >= 0 && instr.imm < static_cast<int64_t>(p.vecops.size())) {
                p.vecops[instr.imm].loc = instr.loc;
                p.vecops[instr.imm].function = runners[static_cast<size_t>(instr.imm)]++ == 0 ? &function : nullptr;
            }
        }
    }
}

// ------------------------------------------------------------------------------------------------ checks

struct Checker {
    const Program& p;
    const Machine& machine;
    std::string path;

    [[noreturn]] void fail(const std::string& what) const { throw ConfigError(path + ": " + what); }
    void index(int64_t value, size_t size, const std::string& what) const {
        if (value < 0 || value >= static_cast<int64_t>(size))
            fail(what + " " + std::to_string(value) + " does not exist");
    }

    // An operand that is read: a register of f, a constant, or (if allowed) nothing.
    void source(int operand, const Function& f) const {
        if (operand >= 0) index(operand, f.registers, f.name + ": register");
        else if (operand < none) index(-2 - operand, p.constants.size(), f.name + ": constant");
    }

    void instr(const Function& f, const Instr& i) const {
        if (i.dst >= 0) index(i.dst, f.registers, f.name + ": register");
        const bool args = op_rows[static_cast<size_t>(i.op)].fields.find("args") != std::string_view::npos;
        if (args) {
            if (i.c > 0 && (i.a < 0 || i.a + static_cast<int64_t>(i.c) > f.registers))
                fail(f.name + ": arguments outside the registers");
        } else {
            source(i.a, f);
        }
        source(i.b, f);
        index(i.loc, p.locations.size(), "location");
        immediate(f, i);
    }

    void immediate(const Function& f, const Instr& i) const {
        switch (i.op) {
        case Op::jmp_:
        case Op::brt_:
        case Op::brf_:
        case Op::skt_:
        case Op::skf_:
        case Op::sk_: index(i.imm, f.code.size(), f.name + ": jump target"); break;
        case Op::call_: index(i.imm, p.functions.size(), "function"); break;
        case Op::vec_: index(i.imm, p.vecops.size(), "vector operation"); break;
        case Op::map_: index(i.imm, p.maps.size(), "map"); break;
        case Op::dsrload_: index(i.imm, p.dsr_loads.size(), "DSR load"); break;
        case Op::print_: index(i.imm, p.prints.size(), "print format"); break;
        case Op::assert_:
        case Op::trap_: index(i.imm, p.messages.size(), "message"); break;
        default: break;
        }
    }

    void function(const Function& f) const {
        if (f.code.empty()) fail(f.name + " has no code");
        const Op last = f.code.back().op;
        if (last != Op::ret_ && last != Op::jmp_ && last != Op::trap_) fail(f.name + " runs off its end");
        if (f.params.size() > static_cast<size_t>(f.registers)) fail(f.name + " has too few registers");
        for (const Instr& i : f.code) instr(f, i);
    }

    // Operands of vector operations are registers of whichever function runs them.
    void operands_of(const Function& f, const Instr& i) const {
        const auto value = [&](const VecOperand& o) {
            if (o.kind != OperandKind::none && o.kind != OperandKind::dsr) source(o.value, f);
        };
        const auto options = [&](const AsyncOptions& o) {
            for (int operand : {o.activate, o.unblock, o.microthread, o.on_control_task, o.index}) source(operand, f);
        };
        if (i.op == Op::vec_) {
            const VecOp& op = p.vecops[i.imm];
            value(op.dst);
            for (const VecOperand& o : op.sources) value(o);
            options(op.options);
        } else if (i.op == Op::map_) {
            value(p.maps[i.imm].output);
            for (const VecOperand& o : p.maps[i.imm].inputs) value(o);
        } else if (i.op == Op::dsrload_) {
            source(p.dsr_loads[i.imm].dsd, f);
            options(p.dsr_loads[i.imm].options);
        }
    }

    // No function runs it, so that there are no registers either.
    void initial_load(int number) const {
        index(number, p.dsr_loads.size(), "DSR load");
        Function nobody;
        nobody.name = "initial DSR load";
        nobody.registers = 0;
        Instr load;
        load.op = Op::dsrload_;
        load.imm = number;
        operands_of(nobody, load);
    }

    void program() const {
        for (const Function& f : p.functions) {
            function(f);
            for (const Instr& i : f.code) operands_of(f, i);
        }
        for (const MapOp& map : p.maps) {
            index(map.function, p.functions.size(), "function");
            if (p.functions[map.function].params.size() != map.inputs.size())
                fail("a map has a wrong number of inputs");
        }
        for (const Task& task : p.tasks) index(task.function, p.functions.size(), "function");
        for (const Location& l : p.locations)
            if (!p.files.empty()) index(l.file, p.files.size(), "file");
        const size_t words = static_cast<size_t>(machine.memory.words);
        for (const DataSegment& s : p.data)
            if (s.address + s.words.size() > words) fail("data outside of memory");
        for (const Fifo& fifo : p.fifos)
            if (static_cast<size_t>(fifo.address + fifo.words) > words) fail("FIFO outside of memory");
        if (p.data_end < 0 || p.data_end > machine.memory.words) fail("data_end outside of memory");
        queues(p.input_queues, machine.queues.input_depth.size());
        queues(p.output_queues, machine.queues.output_depth.size());
        for (int id : p.activated) index(id, 64, "task");
        for (int number : p.initial_loads) initial_load(number);
        for (const Patch& patch : p.patches) {
            const size_t sizes[] = {p.constants.size(), words, p.input_queues.size(), p.output_queues.size()};
            index(patch.index, sizes[static_cast<size_t>(patch.kind)], "patched entry");
        }
    }

    void queues(const std::vector<QueueBinding>& bindings, size_t count) const {
        for (const QueueBinding& b : bindings) {
            index(b.queue, count, "queue");
            if (b.color != none) index(b.color, 32, "color");
        }
    }
};

Program read_program(const Value& value, const std::string& path, const Machine& machine) {
    Reader r(value, path);
    Program p;
    p.name = r.text("name");
    p.functions = r.objects("functions", read_function);
    for (int64_t bits : r.integers("constants")) p.constants.push_back(static_cast<uint64_t>(bits));
    p.vecops = r.objects("vecops", read_vecop);
    p.maps = r.objects("maps", read_map);
    p.dsr_loads = r.objects("dsr_loads", read_dsr_load);
    p.shapes = r.objects("shapes", read_shape);
    p.fifos = r.objects("fifos", read_fifo);
    p.prints = r.objects("prints", read_print);
    p.messages = r.texts("messages");
    p.data = r.objects("data", read_segment);
    p.data_end = r.small("data_end", 0, 0, any);
    p.memory_end = r.small("memory_end", 0, 0, any);
    if (p.memory_end == 0) p.memory_end = machine.memory.words;
    p.memory_end = std::min(p.memory_end, machine.memory.words);
    p.tasks = r.objects("tasks", read_task);
    p.initial_loads = r.small_integers("initial_loads");
    p.activated = r.small_integers("activated");
    p.blocked = ids(r, "blocked");
    p.unblocked = ids(r, "unblocked");
    p.input_queues = r.objects("input_queues", read_binding);
    p.output_queues = r.objects("output_queues", read_binding);
    p.teardown_handlers = handlers(r, "teardown_handlers", p.functions.size());
    p.empty_queue_handlers = handlers(r, "empty_queue_handlers", p.functions.size());
    p.command_task = r.small("command_task", none, none, 63);
    for (const auto& l : tuples(r, "locations", 3)) p.locations.push_back({l[0], l[1], l[2]});
    if (p.locations.empty()) p.locations.push_back({});
    p.files = r.texts("files");
    p.patches = r.objects("patches", read_patch);
    p.variables = read_variables(r);
    r.ignore({"exports", "traces"});
    r.finish();
    locate_vecops(p);
    renumber_dsrs(p);
    Checker{p, machine, path + " '" + p.name + "'"}.program();
    renumber_constants(p);
    settle_costs(p, machine);
    find_executors(p);
    p.stored_words = std::min(stored_words(p), machine.memory.words);
    return p;
}

// ----------------------------------------------------------------------------------------------- routing

SwitchPosition read_position(const Value& value, const std::string& path) {
    Reader r(value, path);
    SwitchPosition position{static_cast<uint8_t>(r.small("rx", 0, 0, 63)),
                            static_cast<uint8_t>(r.small("tx", 0, 0, 63)), r.flag("invalid")};
    r.finish();
    return position;
}

Filter read_filter(const Value& value, const std::string& path) {
    Reader r(value, path);
    Filter f;
    f.kind = r.enumeration<FilterKind>("kind", 4);
    f.min_idx = r.small("min_idx", 0, 0, any);
    f.max_idx = r.small("max_idx", 0, 0, any);
    f.count_data = r.flag("count_data");
    f.count_control = r.flag("count_control");
    f.init_counter = r.small("init_counter", 0, 0, any);
    f.max_counter = r.small("max_counter", 0, 0, any);
    f.limit1 = r.small("limit1", 0, 0, any);
    f.limit2 = r.small("limit2", 0, 0, any);
    r.finish();
    return f;
}

ColorConfig read_color(const Value& value, const std::string& path, const Machine& machine) {
    Reader r(value, path);
    ColorConfig c;
    c.color = r.small("color", 0, 0, std::min(machine.colors.count, 32) - 1);
    c.rx = static_cast<uint8_t>(r.small("rx", 0, 0, 63));
    c.tx = static_cast<uint8_t>(r.small("tx", 0, 0, 63));
    c.positions = r.objects("positions", read_position);
    c.position = r.small("position", 0, 0, 3);
    c.ring_mode = r.flag("ring_mode");
    c.pop_mode = r.enumeration<PopMode>("pop_mode", 4);
    c.swap_x = r.flag("swap_x");
    c.swap_y = r.flag("swap_y");
    c.teardown = r.flag("teardown");
    if (const Value* filter = r.find("filter")) c.filter = read_filter(*filter, path + ".filter");
    r.finish();
    if (c.positions.size() > 3) r.fail(" has more than three switch positions beside position 0");
    return c;
}

std::vector<ColorConfig> read_routing(const Value& value, const std::string& path, const Machine& machine) {
    const auto* list = value.get<List>();
    if (!list) throw ConfigError(path + " is not a list");
    std::vector<ColorConfig> routing;
    for (size_t i = 0; i < list->size(); ++i) {
        routing.push_back(read_color((*list)[i], path + "[" + std::to_string(i) + "]", machine));
    }
    return routing;
}

// Elements of an array that comes as its bytes.
template <class T>
std::vector<T> elements(const Value& value, const std::string& path) {
    const auto* bytes = value.get<std::string>();
    if (!bytes || bytes->size() % sizeof(T)) throw ConfigError(path + " is not an array");
    std::vector<T> result(bytes->size() / sizeof(T));
    if (!result.empty()) std::memcpy(result.data(), bytes->data(), bytes->size());
    return result;
}

void read_patches(Reader& r, Image& image) {
    image.patches = r.objects("patches", elements<int64_t>);
    const Value* value = r.find("rows");
    const auto rows = value ? elements<int32_t>(*value, "image.rows") : std::vector<int32_t>();
    image.patches.resize(image.programs.size());
    for (size_t i = 0; i < image.tiles.size(); ++i) {
        Tile& tile = image.tiles[i];
        if (i < rows.size()) tile.row = rows[i];
        if (tile.program == none) continue;
        const Program& program = image.programs[static_cast<size_t>(tile.program)];
        const size_t length = program.patches.size(), have = image.patches[static_cast<size_t>(tile.program)].size();
        if (length && (tile.row < 0 || (static_cast<size_t>(tile.row) + 1) * length > have)) r.fail(".rows names no row");
        for (size_t j = 0; j < length; ++j) {
            const int64_t number = image.patches_of(tile)[j];
            const bool color = program.patches[j].kind >= PatchKind::input_color;
            if (color && (number < 0 || number > 31)) r.fail(".patches has a color that does not exist");
        }
    }
}

// A list of pairs or, of many tiles, the bytes of an array of them.
std::vector<int32_t> read_pairs(Reader& r) {
    const Value* value = r.find("tiles");
    if (value && value->get<std::string>()) return elements<int32_t>(*value, "image.tiles");
    std::vector<int32_t> numbers;
    for (const auto& pair : tuples(r, "tiles", 2)) numbers.insert(numbers.end(), pair.begin(), pair.end());
    return numbers;
}

std::vector<Tile> read_tiles(Reader& r, const Image& image) {
    const std::vector<int32_t> numbers = read_pairs(r);
    std::vector<Tile> tiles(static_cast<size_t>(image.width) * static_cast<size_t>(image.height));
    if (numbers.size() != 2 * tiles.size()) r.fail(".tiles does not fit the size");
    for (size_t i = 0; i < tiles.size(); ++i) {
        const int32_t program = numbers[2 * i], routing = numbers[2 * i + 1];
        if (program < none || program >= static_cast<int>(image.programs.size())) r.fail(".tiles names no program");
        if (routing < 0 || routing >= static_cast<int>(image.routings.size())) r.fail(".tiles names no routing");
        tiles[i] = {program, routing};
    }
    return tiles;
}

}  // namespace

Image load_image(const Value& value, const Machine& machine) {
    Reader r(value, "image");
    Image image;
    image.arch = r.text("arch");
    image.width = r.small("width", 0, 1, 1 << 14);
    image.height = r.small("height", 0, 1, 1 << 14);
    image.fabric_width = r.small("fabric_width", 0, 0, any);
    image.fabric_height = r.small("fabric_height", 0, 0, any);
    image.offset_x = r.small("offset_x", 0, 0, any);
    image.offset_y = r.small("offset_y", 0, 0, any);
    image.plans = std::make_shared<PlanTable>();
    image.programs = r.objects(
        "programs", [&](const Value& v, const std::string& path) { return read_program(v, path, machine); });
    share_code(image);
    image.routings =
        r.objects("routings", [&](const Value& v, const std::string& path) { return read_routing(v, path, machine); });
    image.tiles = read_tiles(r, image);
    read_patches(r, image);
    for (size_t n = 0; n < image.programs.size(); ++n)
        prepare_operations(image.programs[n], machine, image.patches[n], *image.plans);
    r.ignore({"exports", "params", "colors", "channels", "memcpy"});
    r.finish();
    return image;
}

}  // namespace wafersim
