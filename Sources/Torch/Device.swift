import CTorch

/// Where a tensor's bytes live and its arithmetic runs.
public struct Device: Sendable, Hashable, CustomStringConvertible {
    /// The kinds of device Syrinx knows; raw values are libtorch's device types.
    public enum Kind: Int32, Sendable, Hashable {
        case cpu = 0
        case cuda = 1
        case mps = 13
    }

    public let kind: Kind
    /// Which device of that kind; -1 on the CPU.
    public let index: Int

    public static let cpu = Device(kind: .cpu, index: -1)
    public static let mps = Device(kind: .mps, index: 0)
    /// The CUDA device with this index.
    public static func cuda(_ index: Int = 0) -> Device { Device(kind: .cuda, index: index) }

    init(kind: Kind, index: Int) {
        self.kind = kind
        self.index = index
    }

    /// Reads `cpu`, `mps`, `cuda` or `cuda:1`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("cpu", 1): self = .cpu
        case ("mps", 1): self = .mps
        case ("cuda", 1): self = .cuda(0)
        case ("cuda", 2):
            guard let index = Int(parts[1]), index >= 0 else { return nil }
            self = .cuda(index)
        default: return nil
        }
    }

    /// The devices this machine and this libtorch offer, the CPU first.
    public static var available: [Device] {
        var devices = [Device.cpu]
        if syrinx_torch_load_cuda(), syrinx_torch_cuda_compiled() {
            devices += (0..<Int(syrinx_torch_cuda_device_count())).map { .cuda($0) }
        }
        if syrinx_torch_mps_available() { devices.append(.mps) }
        return devices
    }

    /// Waits until all work queued on this device is done.
    public func synchronize() {
        _ = syrinx_torch_synchronize(kind.rawValue, Int32(index))
    }

    public var description: String {
        switch kind {
        case .cpu: "cpu"
        case .mps: "mps"
        case .cuda: "cuda:\(index)"
        }
    }
}
