#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The wait policy of libtorch's OpenMP threads.
///
/// By default an idle OpenMP thread spins, which on shared cores makes everything about ten times slower. The OpenMP
/// library reads its variables while the program is being loaded, before any of our code runs: the only way to set
/// them for a command started without them is to set them and to start the same program again in the same process.
enum OpenMPEnvironment {
    /// The variables and the values that they get where the user has set none.
    static let defaults = [("OMP_WAIT_POLICY", "passive"), ("GOMP_SPINCOUNT", "0")]

    /// Set in the second start, so that a system on which setting does not stick cannot cause an endless loop.
    static let guardVariable = "SYRINX_OPENMP_SET"

    /// The variables that are missing from an environment and so need a second start; none inside that second start.
    /// - Parameter value: looks a variable up; nil when it is not set.
    static func missing(value: (String) -> String?) -> [(name: String, value: String)] {
        guard value(guardVariable) == nil else { return [] }
        return defaults.filter { value($0.0) == nil }.map { (name: $0.0, value: $0.1) }
    }

    /// Sets what is missing and starts the program again; returns where nothing is missing or a restart is impossible.
    ///
    /// Call it before anything else: whatever ran earlier runs twice. What the user has set is never changed.
    static func apply() {
        let missing = missing { name in getenv(name).map { String(cString: $0) } }
        guard !missing.isEmpty, let program = executablePath() else { return }
        for (name, value) in missing { setenv(name, value, 1) }
        setenv(guardVariable, "1", 1)
        // On success this does not return; on failure the command goes on, slower but right.
        execv(program, CommandLine.unsafeArgv)
    }

    /// The path of the running program, or nil where the system does not tell.
    private static func executablePath() -> String? {
        #if canImport(Darwin)
            var size: UInt32 = 0
            _ = _NSGetExecutablePath(nil, &size)
            var buffer = [CChar](repeating: 0, count: Int(size) + 1)
            guard _NSGetExecutablePath(&buffer, &size) == 0 else { return nil }
            return buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
        #else
            // The link's target instead of the link: the program keeps its name in process lists.
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
            guard readlink("/proc/self/exe", &buffer, buffer.count - 1) > 0 else { return nil }
            return buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
        #endif
    }
}
