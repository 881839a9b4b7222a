import Processors
import Syrinx
import SyrinxModels
import Torch

/// A medium as another package would add it: samples in memory, which become a token for every four.
struct SoundReference: MediaReference {
    var modality: Modality { .sound }
    var name: String
    var samples: [Float]
}

extension Modality {
    static let sound = Modality("sound")
}

struct SoundAccount: MediaAccount {
    var name: String
    var sampleCount: Int
    var tokenCount: Int
}

struct SoundPreparer: MediaPreparer {
    var modality: Modality { .sound }
    var valuesName: String { "sound_values" }

    func prepare(_ reference: any MediaReference, for model: SyrinxModel) throws -> PreparedReference {
        guard let sound = reference as? SoundReference, sound.samples.count % 4 == 0 else {
            throw SyrinxError("\(reference.name): a sound has a multiple of 4 samples")
        }
        let values = Tensor(sound.samples, shape: [sound.samples.count])
        let media = PreparedMedia(
            modality: .sound, values: values, tokenCount: try model.model.tokenCount(of: .sound, shape: values.shape),
            id: "\(sound.samples)")
        let span = MediaSpan(
            .sound, tokenCount: media.tokenCount, name: sound.name, extent: [sound.samples.count])
        return PreparedReference(
            .sound, items: [.init(media, span: span)],
            accounts: [
                SoundAccount(name: sound.name, sampleCount: sound.samples.count, tokenCount: media.tokenCount)
            ])
    }

    /// Registers it once for all tests of the process.
    static let isRegistered: Bool = {
        MediaPreparers.register(SoundPreparer())
        return true
    }()
}
