// What programs print: values as text, and lines for the log of the simulator.
#include <cstdio>
#include <cstdlib>

#include "wafersim/ops.h"
#include "wafersim/pe.h"

namespace wafersim {

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
void Pe::print(const Instr& i, const uint64_t* window) {
    const PrintFormat& print = program->prints[static_cast<size_t>(i.imm)];
    std::string& print_line = extras().print_line;
    std::string text = print.literals[0];
    for (size_t k = 0; k < print.formats.size(); ++k) {
        text += formatted(print.formats[k], print.types[k], operand(window, i.a + static_cast<int>(k))) + print.literals[k + 1];
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
