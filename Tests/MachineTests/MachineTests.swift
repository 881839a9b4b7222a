import Machine
import Testing

@Suite("What the machine tells of itself")
struct MachineTests {
    @Test("features are read from the first processor's line, and a tile without bf16 is not AMX for bf16")
    func features() {
        let text = "processor\t: 0\nmodel name\t: A Processor @ 2 GHz\nflags\t\t: fpu avx2 avx512f amx_tile\n\n"
        let first = CPUFeatures(cpuinfo: text + "processor\t: 1\nmodel name\t: Another\nflags\t\t: fpu amx_bf16\n")
        #expect(first.modelName == "A Processor @ 2 GHz")
        #expect(first.flags == ["fpu", "avx2", "avx512f", "amx_tile"])
        #expect(first.hasAVX2 && first.hasAVX512 && !first.hasAVX512BF16 && !first.hasAMXBF16)
        #expect(CPUFeatures(modelName: nil, flags: ["amx_tile", "amx_bf16"]).hasAMXBF16)
        #expect(CPUFeatures(modelName: nil, flags: ["amx_tile", "amx_bf16"]).multipliesBF16)
        #expect(CPUFeatures(modelName: nil, flags: ["avx512_bf16"]).multipliesBF16 && !first.multipliesBF16)
    }

    @Test("an Arm processor's features stand under another name")
    func armFeatures() {
        let features = CPUFeatures(cpuinfo: "processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\n")
        #expect(features.hasArmBF16)
        #expect(features.modelName == nil)
        #expect(CPUFeatures(cpuinfo: "").flags.isEmpty)
    }

    @Test("the smallest limit of all groups counts, and a word or a huge number is none")
    func memoryLimits() throws {
        let meminfo = "MemTotal:        2048 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n"
        let free = try #require(MachineMemory(meminfo: meminfo, limits: ["max\n", "9223372036854771712\n"]))
        #expect(free == MachineMemory(total: 2_097_152, available: 1_048_576, limit: nil))
        #expect(free.usable == 2_097_152)
        let limited = try #require(MachineMemory(meminfo: meminfo, limits: ["1000000\n", "500000\n", "max\n"]))
        #expect(limited.limit == 500_000)
        #expect(limited.usable == 500_000)
        #expect(MachineMemory(meminfo: "MemFree: 1 kB\n", limits: []) == nil)
    }

    @Test("a quota is time over period, and threads are rounded up but never past the processors")
    func quotas() {
        #expect(MachineProcessors.quota(cpuMax: "150000 100000\n") == 1.5)
        #expect(MachineProcessors.quota(cpuMax: "max 100000\n") == nil)
        #expect(MachineProcessors.quota(cpuMax: "") == nil)
        #expect(MachineProcessors(count: 8, quota: 1.5).usable == 2)
        #expect(MachineProcessors(count: 2, quota: 4).usable == 2)
        #expect(MachineProcessors(count: 4, quota: 0.1).usable == 1)
    }

    @Test("a list of allowed processors counts ranges and single ones")
    func allowedProcessors() {
        #expect(MachineProcessors.allowedCount(status: "Name:\tx\nCpus_allowed_list:\t0-3,8,10-11\n") == 7)
        #expect(MachineProcessors.allowedCount(status: "Cpus_allowed_list:\t5\n") == 1)
        #expect(MachineProcessors.allowedCount(status: "Cpus_allowed_list:\t3-1\n") == nil)
        #expect(MachineProcessors.allowedCount(status: "Name:\tx\n") == nil)
    }

    @Test("shared objects are told from other mapped files")
    func mappedLibraries() {
        let maps = """
            7f00-7f01 r-xp 00000000 fe:00 12 /usr/lib/libpng16.so.16.39.0
            7f01-7f02 r--p 00001000 fe:00 12 /usr/lib/libpng16.so.16.39.0
            7f02-7f03 r--p 00000000 fe:00 13 /data/model.safetensors
            7f03-7f04 rw-p 00000000 00:00 0
            7f04-7f05 r-xp 00000000 fe:00 14 /opt/a folder/libtorch_cpu.so
            """
        let paths = LoadedLibrary.paths(inMaps: maps)
        #expect(paths.filter { $0 == "/usr/lib/libpng16.so.16.39.0" }.count == 2)
        #expect(paths.last == "/opt/a folder/libtorch_cpu.so")
        #expect(!paths.contains { $0.contains("safetensors") })
        let libraries = paths.map { LoadedLibrary(path: $0) }
        #expect(LoadedLibrary.named("libtorch_cpu", in: libraries)?.fileName == "libtorch_cpu.so")
        #expect(LoadedLibrary.named("libtorch", in: libraries) == nil)
    }

    @Test("this machine has processors, memory, space and loaded libraries")
    func thisMachine() throws {
        #expect(MachineProcessors.current.usable >= 1)
        let memory = try #require(MachineMemory.current)
        #expect(memory.total > 100_000_000)
        #expect(memory.usable <= memory.total)
        #expect(try #require(MachineDisk.freeBytes(at: ".")) > 0)
        #expect(MachineDisk.freeBytes(at: "/no such folder") == nil)
        #expect(!LoadedLibrary.all.isEmpty)
        #expect(LoadedLibrary.text(ofFunction: "no_such_function_of_ours") == nil)
    }
}
