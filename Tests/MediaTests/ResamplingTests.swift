import CKernels
import Media
import TestSupport
import Testing

/// Runs the kernel on one case of any channel count.
private func resample(_ item: ResizeReference.Case, order: ResamplingOrder) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: item.newWidth * item.newHeight * item.channels)
    let box = item.box ?? [0, 0, Float(item.width), Float(item.height)]
    let status = syrinx_kernels_resample(
        item.input, Int32(item.width), Int32(item.height), Int32(item.channels), box,
        Int32(item.filter == .bicubic ? SYRINX_KERNELS_BICUBIC : SYRINX_KERNELS_BILINEAR),
        Int32(order == .horizontalFirst ? SYRINX_KERNELS_HORIZONTAL_FIRST : SYRINX_KERNELS_SMALLER_FIRST),
        Int64(item.newWidth), Int64(item.newHeight), nil, &output)
    #expect(status == Int32(SYRINX_KERNELS_OK))
    return output
}

/// Serialised: one test switches the vector variants off for the process.
@Suite(.serialized) struct ResamplingTests {
    @Test("Resizing equals Pillow 12 in every byte", arguments: try nonempty(ResizeReference.horizontalFirst.cases))
    func equalsPillow(item: ResizeReference.Case) {
        let result = resample(item, order: .horizontalFirst)
        if let offset = item.offset {
            #expect(result == Array(ResizeReference.results[offset..<offset + result.count]))
        }
        #expect(checksum(result) == item.checksum)
    }

    @Test("The order of Pillow 13 equals Pillow 13", arguments: try nonempty(ResizeReference.smallerFirst.cases))
    func equalsNewPillow(item: ResizeReference.Case) {
        #expect(checksum(resample(item, order: .smallerFirst)) == item.checksum)
    }

    @Test("The two orders differ where Pillow 13 changed")
    func ordersDiffer() {
        let image = noise(33, 200)
        let old = image.resized(width: 32, height: 20)
        let new = image.resized(width: 32, height: 20, order: .smallerFirst)
        #expect(old != new)
    }

    @Test("The portable kernel and the vector kernel give the same bytes")
    func variantsAgree() throws {
        let cases = ResizeReference.horizontalFirst.cases
        let vector = cases.map { resample($0, order: .horizontalFirst) }
        syrinx_kernels_allow_vector_variants(0)
        defer { syrinx_kernels_allow_vector_variants(1) }
        #expect(String(cString: syrinx_kernels_resample_variant()) == "portable")
        for (item, result) in try pairs(cases, vector) {
            #expect(resample(item, order: .horizontalFirst) == result, "\(item.testDescription)")
        }
    }

    @Test(
        "A window of the result equals cropping the whole result", arguments: [(37, 90), (90, 37), (24, 24), (200, 31)])
    func windowEqualsCrop(width: Int, height: Int) {
        let image = noise(width, height)
        for (newWidth, newHeight) in [(60, 70), (20, 20), (width, height), (width, 24), (24, height)] {
            let window = PixelWindow(x: newWidth / 4, y: newHeight / 3, width: newWidth / 2, height: newHeight / 2)
            let whole = image.resized(width: newWidth, height: newHeight)
            let part = image.resized(width: newWidth, height: newHeight, window: window)
            #expect(part == whole.cropped(x: window.x, y: window.y, width: window.width, height: window.height))
        }
    }

    @Test("The kernel refuses impossible sizes, boxes, windows and channels")
    func refusesBadArguments() {
        var output = [UInt8](repeating: 0, count: 100)
        let input = [UInt8](repeating: 7, count: 48)
        func status(
            width: Int32 = 4, channels: Int32 = 3, box: [Float] = [0, 0, 4, 4], window: [Int64] = [0, 0, 2, 2],
            filter: Int32 = 1
        ) -> Int32 {
            syrinx_kernels_resample(input, width, 4, channels, box, filter, 0, 2, 2, window, &output)
        }
        let refused = Int32(SYRINX_KERNELS_BAD_ARGUMENT)
        #expect(status() == Int32(SYRINX_KERNELS_OK))
        #expect(status(width: 0) == refused)
        #expect(status(channels: 2) == refused)
        #expect(status(box: [0, 0, 5, 4]) == refused)
        #expect(status(box: [2, 0, 2, 4]) == refused)
        #expect(status(box: [.nan, 0, 2, 4]) == refused)
        #expect(status(window: [1, 0, 2, 2]) == refused)
        #expect(status(window: [0, 0, 0, 2]) == refused)
        #expect(status(filter: 9) == refused)
    }
}
