import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The one thread on which asynchronous generation computes.
///
/// The engine library's grad mode and its pool of arithmetic threads belong to the calling thread, and a decode step
/// blocks for milliseconds: neither suits the threads that Swift tasks share. Work handed over here runs in order,
/// start to end, without suspension.
package final class EngineThread: Sendable {
    /// The process's engine thread; made at first use, never ended.
    package static let shared = EngineThread()

    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let available = DispatchSemaphore(value: 0)

    private init() {
        let context = Unmanaged.passRetained(self).toOpaque()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 8 << 20)
        #if canImport(Darwin)
            var thread: pthread_t?
            let code = pthread_create(&thread, &attributes, { EngineThread.run($0) }, context)
        #else
            var thread = pthread_t()
            let code = pthread_create(&thread, &attributes, { EngineThread.run($0) }, context)
        #endif
        pthread_attr_destroy(&attributes)
        precondition(code == 0, "the system refused a thread (code \(code)); too many threads or too little memory")
    }

    /// Runs `job` after all jobs handed over before it.
    package func run(_ job: @escaping @Sendable () -> Void) {
        jobs.withLock { $0.append(job) }
        available.signal()
    }

    private static func run(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let context else { return nil }
        let engine = Unmanaged<EngineThread>.fromOpaque(context).takeUnretainedValue()
        while true {
            engine.available.wait()
            let job = engine.jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            job?()
        }
    }
}
