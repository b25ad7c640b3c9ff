// disk
export default [];
