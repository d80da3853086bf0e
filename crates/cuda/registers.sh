#!/bin/sh
# Prints registers, spills and shared memory of every kernel as a table, by nvcc and ptxas; a GPU is not needed.
#
#   python3 -m venv nvcc && nvcc/bin/pip install 'cuda-toolkit[nvcc,cccl]==13.2.2'
#   CUDA_HOME=$(echo nvcc/lib/python3*/site-packages/nvidia/cu13) sh crates/cuda/registers.sh
#
# Ends with 1 where a kernel spills registers or does not compile.
set -eu
nvcc=${CUDA_HOME:+$CUDA_HOME/bin/}nvcc
kernels=$(dirname "$0")/src/kernels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for card in sm_80 sm_90; do
    for source in "$kernels"/*.cu; do
        "$nvcc" "-arch=$card" -std=c++17 -fmad=false -O3 --cubin -Xptxas -v -o "$work/cubin" "$source" >"$work/log" 2>&1 || {
            cat "$work/log" >&2
            exit 1
        }
        sed "s/^/$card $(basename "$source") /" "$work/log" >>"$work/all"
    done
done

"$nvcc" --version | sed -n 's/.*release/nvcc/p'
awk '
    BEGIN {
        print "| source | kernel | registers sm_80 / sm_90 | spilled bytes | stack bytes | shared bytes, static |"
        print "| --- | --- | ---: | ---: | ---: | ---: |"
    }
    { card = $1; file = $2 }
    /Compiling entry function/ { split($0, parts, "\047"); kernel = parts[2]; name[kernel] = file; smem[kernel] += 0 }
    /bytes stack frame/ { stack[kernel] = $3; spill[kernel] += $7 + $11 }
    / Used / {
        for (i = 1; i < NF; i++) {
            if ($(i + 1) ~ /^registers/) registers[card, kernel] = $i
            if ($(i + 1) == "bytes" && $(i + 2) ~ /^smem/) smem[kernel] = $i
        }
    }
    END {
        for (kernel in name)
            printf "| `%s` | `%s` | %d / %d | %d | %d | %d |\n", name[kernel], kernel, registers["sm_80", kernel],
                registers["sm_90", kernel], spill[kernel], stack[kernel], smem[kernel] | "sort"
        close("sort")
        for (kernel in name) if (spill[kernel] > 0) exit 1
    }' "$work/all"
