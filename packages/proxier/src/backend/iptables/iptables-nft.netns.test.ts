import { describeFlavour } from './test/describe-flavour.ts'

describeFlavour('nft')
