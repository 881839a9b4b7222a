import CTorch

/// Facts about the libtorch in use, and its settings that belong to the whole process.
public enum TorchRuntime {
    /// The version, such as `2.13.0`.
    public static var version: String { String(cString: syrinx_torch_version()) }
    /// What libtorch says of its own build: compilers, BLAS, oneDNN, CUDA.
    public static var buildInfo: String { String(cString: syrinx_torch_build_info()) }
    /// The widest vector extension libtorch's own kernels use here, such as `AVX512`.
    public static var cpuCapability: String { String(cString: syrinx_torch_cpu_capability()) }
    /// How many threads one operation may use.
    public static var threadCount: Int {
        get { Int(syrinx_torch_thread_count()) }
        set { syrinx_torch_set_thread_count(Int32(newValue)) }
    }
    /// Tensors Swift holds at this moment, in the whole process.
    public static var liveTensorCount: Int { Int(syrinx_torch_live_tensor_count()) }
    /// Tensors made on this thread less those released on it: what a leak test compares while others work.
    public static var threadTensorBalance: Int { Int(syrinx_torch_thread_tensor_balance()) }
    /// Whether this libtorch has CUDA kernels and can load them.
    public static var hasCUDA: Bool { syrinx_torch_load_cuda() && syrinx_torch_cuda_compiled() }
    /// Asks libtorch to choose deterministic algorithms where it has a choice.
    public static func setDeterministic(_ on: Bool) { syrinx_torch_set_deterministic(on) }
    /// Threads that our own kernels run on: as many as libtorch's.
    package static var kernelThreadCount: Int { Int(syrinx_torch_kernel_thread_count()) }
    /// libtorch's products of bfloat16 or float16 tensors on the CPU that `body` asks for on this thread, such as `aten::mm`.
    ///
    /// Empty in classes without instructions for such products: there libtorch would compute them in a scalar loop.
    package static func narrowProducts(of body: () throws -> Void) rethrows -> [String] {
        syrinx_torch_watch_products(true)
        defer { syrinx_torch_watch_products(false) }
        try body()
        return String(cString: syrinx_torch_watched_products()).split(separator: " ").map(String.init)
    }
}
