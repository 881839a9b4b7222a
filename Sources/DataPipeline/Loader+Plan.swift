import Digests
import Foundation

extension Loader {
    /// What a loader presents, and in which order, apart from its config.
    struct Plan {
        /// One order of records.
        struct Stream {
            /// Tells apart what is drawn for presentations; never changes for a name.
            var number: Int
            var order: RecordOrder
        }

        /// By name.
        var streams: [String: Stream]
        var isEndless: Bool
        /// Whether presentations differ from the canonical form.
        var isVaried: Bool
        /// The name of the stream that a sequence is taken from.
        var stream: @Sendable (_ sequence: Int) -> String

        func fingerprint(_ source: any ExampleSupply, config: Config) -> String {
            struct Order: Encodable {
                var source: String
                var records: [String: Int]
                var isVaried: Bool
                var mixture: Mixture
                var seed: UInt64
                var augmentation: Augmentation?
                var carryLimit: Int
            }
            let order = Order(
                source: source.identity, records: streams.mapValues(\.order.count), isVaried: isVaried,
                mixture: config.mixture, seed: config.seed, augmentation: config.augmentation,
                carryLimit: config.carryLimit)
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            guard let data = try? encoder.encode(order) else { return "" }
            return Digest.sha256([UInt8](data)).hex
        }

        func producer(
            _ source: any ExampleSupply, config: Config, quarantine: Quarantine, position: LoaderPosition?
        ) -> sending BatchProducer {
            let pool = WorkerPool(threadCount: config.workerCount)
            let (seed, augmentation, isVaried) = (config.seed, config.augmentation, isVaried)
            var opened: [String: ExampleStream] = [:]
            for (name, stream) in streams {
                let number = stream.number
                opened[name] = ExampleStream(
                    source: source, order: stream.order, pool: pool, lookahead: 32, quarantine: quarantine,
                    isEndless: isEndless, position: position?.streams[name]
                ) { presentation in
                    guard isVaried else { return nil }
                    return ExampleSource.Variation(
                        seed: seed, stream: number, presentation: presentation, augmentation: augmentation)
                }
            }
            return BatchProducer(
                source: source, rowCount: config.batchSize,
                packer: Packer(length: source.contextLength, carryLimit: config.carryLimit), quarantine: quarantine,
                streams: opened, sequence: position?.sequence ?? 0,
                order: fingerprint(source, config: config), stream: stream)
        }
    }
}
