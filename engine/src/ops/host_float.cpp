// f16 and f32 with AVX2, FMA and F16C: eight elements at a time, in float.
//
// The results are those of vector.h, bit for bit. A product of two f16 is exact in float, and a sum, difference or product
// that float rounds to 24 bits and f16 then to 11 is what one rounding gives, as 24 >= 2 * 11 + 2; subnormal sums of f16 are
// exact. The sum of three factors is not so kind, see `multiply_add`. NaN comes out as the one canonical pattern.
#include "host_float.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#include "float.h"

// No flag of the build: only these functions have the instructions, and are called where the host has them.
#define ON_HOST __attribute__((target("avx2,fma,f16c")))

namespace wafersim::ops {

namespace {

template <int words>
ON_HOST __m256 load_eight(const uint16_t* p) {
    if constexpr (words == 1) return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    else return _mm256_castsi256_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

template <int words>
ON_HOST void store_eight(uint16_t* p, __m256 value) {
    const __m256 is_nan = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
    value = _mm256_blendv_ps(value, _mm256_castsi256_ps(_mm256_set1_epi32(nan_f32)), is_nan);
    if constexpr (words == 1)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    else _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_castps_si256(value));
}

struct Copy {
    ON_HOST static __m256 of(__m256 a) { return a; }
};
struct Add {
    ON_HOST static __m256 of(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }
};
struct Subtract {
    ON_HOST static __m256 of(__m256 a, __m256 b) { return _mm256_sub_ps(a, b); }
};
struct Multiply {
    ON_HOST static __m256 of(__m256 a, __m256 b) { return _mm256_mul_ps(a, b); }
};
struct MultiplyAdd {
    ON_HOST static __m256 of(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(b, c, a); }
};

// For f16: the sum is rounded to odd (an inexact one gets an odd last bit), so that rounding to f16 afterwards sees on which
// side of the border between two f16 the exact one lies.
struct MultiplyAddOdd {
    ON_HOST static __m256 of(__m256 a, __m256 b, __m256 c) {
        const __m256 product = _mm256_mul_ps(b, c), sum = _mm256_add_ps(a, product);
        const __m256 from_product = _mm256_sub_ps(sum, a), from_a = _mm256_sub_ps(sum, from_product);
        const __m256 error = _mm256_add_ps(_mm256_sub_ps(a, from_a), _mm256_sub_ps(product, from_product));
        const __m256i inexact = _mm256_castps_si256(_mm256_cmp_ps(error, _mm256_setzero_ps(), _CMP_NEQ_OQ));
        const __m256i bits = _mm256_castps_si256(sum), one = _mm256_set1_epi32(1);
        const __m256i even = _mm256_cmpeq_epi32(_mm256_and_si256(bits, one), _mm256_setzero_si256());
        // away from zero if the error has the sign of the sum, else towards it
        const __m256i opposite = _mm256_srai_epi32(_mm256_xor_si256(bits, _mm256_castps_si256(error)), 31);
        const __m256i step = _mm256_and_si256(_mm256_or_si256(opposite, one), _mm256_and_si256(inexact, even));
        return _mm256_castsi256_ps(_mm256_add_epi32(bits, step));
    }
};

template <Vec op, class Formula>
ON_HOST __m256 eight(const Rows& sources, uint32_t i) {
    constexpr int arity = vec_source_count(op);
    constexpr uint32_t w0 = source_words(op, 0), w1 = source_words(op, 1), w2 = source_words(op, 2);
    const __m256 a = load_eight<w0>(sources[0] + i * w0);
    if constexpr (arity == 1) {
        return Formula::of(a);
    } else {
        const __m256 b = load_eight<w1>(sources[1] + i * w1);
        if constexpr (arity == 2) return Formula::of(a, b);
        else return Formula::of(a, b, load_eight<w2>(sources[2] + i * w2));
    }
}

template <Vec op, class Formula>
ON_HOST void in_eights(const Rows& sources, uint16_t* dst, uint32_t count) {
    constexpr uint32_t words = dst_words(op);
    uint32_t i = 0;
    for (; i + 8 <= count; i += 8) store_eight<words>(dst + i * words, eight<op, Formula>(sources, i));
    if (i == count) return;
    std::array<uint16_t, 8 * words> rest;
    store_eight<words>(rest.data(), eight<op, Formula>(sources, i));
    for (uint32_t k = 0; k < (count - i) * words; ++k) dst[i * words + k] = rest[k];
}

constexpr std::array blocks{
    HostBlock{Vec::faddh, in_eights<Vec::faddh, Add>},
    HostBlock{Vec::fsubh, in_eights<Vec::fsubh, Subtract>},
    HostBlock{Vec::fmulh, in_eights<Vec::fmulh, Multiply>},
    HostBlock{Vec::fmach, in_eights<Vec::fmach, MultiplyAddOdd>},
    HostBlock{Vec::fadds, in_eights<Vec::fadds, Add>},
    HostBlock{Vec::fsubs, in_eights<Vec::fsubs, Subtract>},
    HostBlock{Vec::fmuls, in_eights<Vec::fmuls, Multiply>},
    HostBlock{Vec::fmacs, in_eights<Vec::fmacs, MultiplyAdd>},
    HostBlock{Vec::faddhs, in_eights<Vec::faddhs, Add>},
    HostBlock{Vec::fmachs, in_eights<Vec::fmachs, MultiplyAdd>},
    HostBlock{Vec::fh2s, in_eights<Vec::fh2s, Copy>},
    HostBlock{Vec::fs2h, in_eights<Vec::fs2h, Copy>},
};
static_assert(block_elements == 8);

}  // namespace

std::span<const HostBlock> host_blocks() {
    const bool runs = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    return runs ? std::span<const HostBlock>(blocks) : std::span<const HostBlock>();
}

}  // namespace wafersim::ops

#else

namespace wafersim::ops {

std::span<const HostBlock> host_blocks() { return {}; }

}  // namespace wafersim::ops

#endif
