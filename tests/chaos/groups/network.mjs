// network
export default [];
