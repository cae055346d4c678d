//! Runs inner loops with the widest registers that the processor has: the one thing in the computations that Rust calls unsafe.
//!
//! A library for everybody is compiled for the oldest x86-64, whose registers hold four `f32`; processors in use have eight or
//! sixteen. The loops are compiled for each, and the processor is asked once. No fused multiply-add: every operation rounds as
//! written, so all versions give the same bits, and so does every other machine.

/// Loops worth compiling more than once.
pub trait Work {
    /// What they give back.
    type Output;

    /// Does the work. Implementations and all they call carry `#[inline(always)]`, or the inner loops stay narrow.
    fn run(self) -> Self::Output;
}

/// Runs `work`, compiled for AVX-512 or AVX2 where the processor has them.
#[inline]
#[cfg_attr(target_arch = "x86_64", allow(unsafe_code))]
pub fn widest<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
        fn sixteen<W: Work>(work: W) -> W::Output {
            work.run()
        }
        #[target_feature(enable = "avx2")]
        fn eight<W: Work>(work: W) -> W::Output {
            work.run()
        }
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
        {
            // SAFETY: the processor has just said that it knows these instructions.
            return unsafe { sixteen(work) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            return unsafe { eight(work) };
        }
    }
    work.run()
}
